/**
 * Two sizes against each other, in words.
 */
import { humanBytes } from 'tensor-arena/viewer';

/** How far one size is below another: `17.7 % less than`; too little to be read counts as nothing. */
export function compared(bytes: number, other: number): string {
  if (humanBytes(bytes) === humanBytes(other)) return 'as much as';
  const percent = ((Math.abs(other - bytes) / other) * 100).toFixed(1);
  return `${percent} % ${bytes < other ? 'less' : 'more'} than`;
}
