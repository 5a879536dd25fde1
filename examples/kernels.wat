;; Kernels over one memory; every argument but the counts is the address of a tensor's first byte.
;; A plan pads each tensor to a multiple of 32 bytes, so a loop over four numbers at a time may run over its end.
(module
  (import "arena" "memory" (memory 1))

  ;; out[i] = max(a[i], 0)
  (func (export "relu") (param $out i32) (param $a i32) (param $bytes i32)
    (local $i i32)
    (loop $next
      (v128.store (i32.add (local.get $out) (local.get $i))
        (f32x4.max (v128.load (i32.add (local.get $a) (local.get $i))) (v128.const f32x4 0 0 0 0)))
      (local.set $i (i32.add (local.get $i) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $bytes)))))

  ;; out[i] = a[i] + b[i mod the length of b]
  (func (export "add") (param $out i32) (param $a i32) (param $bytes i32) (param $b i32) (param $period i32)
    (local $i i32)
    (loop $next
      (f32.store (i32.add (local.get $out) (local.get $i))
        (f32.add (f32.load (i32.add (local.get $a) (local.get $i)))
          (f32.load (i32.add (local.get $b) (i32.rem_u (local.get $i) (local.get $period))))))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $bytes)))))

  ;; The dot product of every row of a, of which there are $m, with every row of b, of which there are $n.
  (func (export "mulMat") (param $out i32) (param $a i32) (param $b i32) (param $rowBytes i32) (param $m i32) (param $n i32)
    (local $i i32) (local $j i32) (local $l i32) (local $sum f32)
    (loop $rows
      (local.set $i (i32.const 0))
      (loop $columns
        (local.set $sum (f32.const 0))
        (local.set $l (i32.const 0))
        (loop $products
          (local.set $sum (f32.add (local.get $sum) (f32.mul
            (f32.load (i32.add (local.get $a) (i32.add (i32.mul (local.get $i) (local.get $rowBytes)) (local.get $l))))
            (f32.load (i32.add (local.get $b) (i32.add (i32.mul (local.get $j) (local.get $rowBytes)) (local.get $l)))))))
          (local.set $l (i32.add (local.get $l) (i32.const 4)))
          (br_if $products (i32.lt_u (local.get $l) (local.get $rowBytes))))
        (f32.store
          (i32.add (local.get $out) (i32.shl (i32.add (i32.mul (local.get $j) (local.get $m)) (local.get $i)) (i32.const 2)))
          (local.get $sum))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $columns (i32.lt_u (local.get $i) (local.get $m))))
      (local.set $j (i32.add (local.get $j) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $j) (local.get $n))))))
