/**
 * Numbers as people read them.
 */
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1536` → `1.50 KiB`. */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.995 would print as 1024.00.
  while (value >= 1023.995 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(2)} ${UNITS[unit]}`;
}

/** `1234567` → `1,234,567`. */
export function digits(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 node`, `2 nodes`. */
export function counted(count: number, noun: string): string {
  return `${digits(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** How far one size is below another: `17.7 % less than`; too little to be read counts as nothing. */
export function compared(bytes: number, other: number): string {
  if (humanBytes(bytes) === humanBytes(other)) return 'as much as';
  const percent = ((Math.abs(other - bytes) / other) * 100).toFixed(1);
  return `${percent} % ${bytes < other ? 'less' : 'more'} than`;
}
