/**
 * Bundles the script of self-contained map pages, `src/viewer/page.ts`, into a string that `src/viewer/html.ts`
 * writes into them. The result is committed, because sources are run as they are by tests and tools that bundle
 * nothing; a test holds that it is what this program makes.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

export async function viewerModule() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/viewer/page.ts'],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'ascii',
    legalComments: 'none',
    write: false,
  });
  const script = JSON.stringify(outputFiles[0].text.trimEnd());
  return `/** Made from src/viewer by \`npm run build:viewer\`. */\nexport const VIEWER_SCRIPT = ${script};\n`;
}

if (process.argv[2] === '--write') {
  writeFileSync('src/viewer/viewer-script.generated.ts', await viewerModule());
}
