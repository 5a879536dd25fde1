/**
 * Writes the pictures of the guides: `npm run docs:pictures`.
 */
import { writeFileSync } from 'node:fs';
import { makePictures } from './pictures.js';

for (const [name, svg] of await makePictures()) {
  writeFileSync(new URL(`guides/pictures/${name}.svg`, import.meta.url), `${svg}\n`);
}
