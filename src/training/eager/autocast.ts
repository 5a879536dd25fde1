/**
 * Autocast: operands of matrix products are cast to a smaller type; casts of parameters are kept until the region ends.
 */
import type { ElementType } from '../../tensor/element-type.js';
import type { CastRegion, Tape } from './tape.js';
import type { Value } from './value.js';

/** A region of autocast. */
export class Autocast implements CastRegion {
  readonly type: ElementType;
  readonly casts = new Map<Value, Value>();

  constructor(type: ElementType) {
    this.type = type;
  }

  anew(): Autocast {
    return new Autocast(this.type);
  }

  end(tape: Tape): void {
    tape.release([...this.casts.values()]);
    this.casts.clear();
  }
}
