/** The pictures of the guides show what the library draws today. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { makePictures } from '../../docs/pictures.js';
import { projectPath } from '../support/shared-data.js';

const FOLDER = 'docs/guides/pictures';
const pictures = await makePictures();

it('are all there are', () => {
  expect(readdirSync(projectPath(FOLDER)).sort()).toEqual([...pictures.keys()].map((name) => `${name}.svg`).sort());
});

it.each([...pictures])('%s is as npm run docs:pictures writes it', (name, svg) => {
  expect(readFileSync(projectPath(`${FOLDER}/${name}.svg`), 'utf8')).toBe(`${svg}\n`);
});
