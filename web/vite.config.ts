/**
 * Builds the page into static files that work in any folder of any host: `npm run web:build`, into `web/dist`.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  // The page uses the package by its public names, which stand for the sources.
  resolve: { tsconfigPaths: true },
  worker: {
    format: 'es',
    // The GGUF reader’s dependency could declare that its modules have no side effects: 300 KB less.
    rolldownOptions: { treeshake: { moduleSideEffects: (id) => !id.includes('/@huggingface/tasks/') } },
  },
  optimizeDeps: { include: ['@huggingface/gguf'] },
  // Examples stay files: the page's policy lets it read no data URLs.
  build: { outDir: 'dist', emptyOutDir: true, assetsInlineLimit: 0 },
});
