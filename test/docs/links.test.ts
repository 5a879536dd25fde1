/** What the documents point to is there: files, headings, and paths in the text. Their lines fit on a screen. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectPath } from '../support/shared-data.js';

const COLUMNS = 120;

const below = (folder: string): string[] =>
  readdirSync(projectPath(folder), { recursive: true, encoding: 'utf8' })
    // What TypeDoc makes of them is in docs/api.
    .filter((name) => name.endsWith('.md') && !name.startsWith('api/'))
    .map((name) => `${folder}/${name}`);

const files = ['README.md', ...below('docs'), ...below('benchmarks')];
const textOf = (file: string): string => readFileSync(projectPath(file), 'utf8');
const proseOf = (file: string): string => textOf(file).replace(/^```[\s\S]*?^```/gm, '');

/** The anchors of a file's headings, as GitHub makes them. */
const anchorsOf = (file: string): string[] =>
  [...proseOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** Links to files of the project, by relative path or by address, with their anchors. */
function linksOf(file: string): [path: string, anchor: string | undefined][] {
  const own =
    /^https:\/\/(?:github\.com\/tensor-arena\/tensor-arena\/blob|raw\.githubusercontent\.com\/tensor-arena\/tensor-arena)\/main\//;
  return [...proseOf(file).matchAll(/\]\(([^)]+)\)/g)].flatMap(([, link]) => {
    if (link.startsWith('https:') && !own.test(link)) return [];
    const [target, anchor] = link.replace(own, '').split('#');
    if (target === '') return [[file, anchor] as const];
    return [[own.test(link) ? target : join(dirname(file), target), anchor] as const];
  });
}

describe.each(files)('%s', (file) => {
  it('links to files and headings that exist', () => {
    const missing = linksOf(file).filter(
      ([path, anchor]) => !existsSync(projectPath(path)) || (anchor !== undefined && !anchorsOf(path).includes(anchor)),
    );
    expect(missing).toEqual([]);
  });

  it('names paths that exist', () => {
    const paths = [...proseOf(file).matchAll(/`((?:src|test|docs|benchmarks|examples|web|\.ci)\/[\w./-]*)`/g)];
    // What the build and TypeDoc write is not there before.
    const missing = paths.filter(
      ([, path]) => !/^(web\/dist|docs\/api)\//.test(`${path}/`) && !existsSync(projectPath(path)),
    );
    expect(missing.map(([, path]) => path)).toEqual([]);
  });

  it(`has lines of at most ${COLUMNS} columns, but for tables and addresses`, () => {
    const lines = textOf(file)
      .replace(/\]\([^)]*\)/g, ']()')
      .split('\n');
    expect(lines.filter((line) => [...line].length > COLUMNS && !line.startsWith('|'))).toEqual([]);
  });
});
