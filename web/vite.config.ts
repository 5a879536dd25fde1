/**
 * Builds the page into static files that work in any folder of any host: `npm run web:build`, into `web/dist`.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const source = (path: string): string => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  resolve: {
    // The page uses the package by its public names.
    alias: [
      { find: /^tensor-arena$/, replacement: source('index.ts') },
      { find: /^tensor-arena\/(\w+)$/, replacement: source('$1/index.ts') },
    ],
  },
  worker: {
    format: 'es',
    // The GGUF reader’s dependency could declare that its modules have no side effects: 300 KB less.
    rolldownOptions: { treeshake: { moduleSideEffects: (id) => !id.includes('/@huggingface/tasks/') } },
  },
  optimizeDeps: { include: ['@huggingface/gguf'] },
  // Examples stay files: the page's policy lets it read no data URLs.
  build: { outDir: 'dist', emptyOutDir: true, assetsInlineLimit: 0 },
});
