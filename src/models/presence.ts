/**
 * Whether a file may or must have certain weights.
 */

/** `none`: the architecture does not know them; `unread`: it may load them, but no operation reads them. */
export type Presence = 'none' | 'unread' | 'optional' | 'required';
