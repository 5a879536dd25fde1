/**
 * Whether a file may or must have certain weights.
 */

/** `none`: the architecture ignores them. */
export type Presence = 'none' | 'optional' | 'required';
