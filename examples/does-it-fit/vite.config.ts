/** Lets the page be tried in a clone, where the package is not installed: its names stand for the sources. */
import { defineConfig } from 'vite';

export default defineConfig({ resolve: { tsconfigPaths: true } });
