import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // works at any path
  plugins: [react()],
  // Preact is an eighth of React DOM, which was most of what a browser had to load before it could show a folder.
  resolve: {
    alias: [
      { find: /^react\/jsx-runtime$/, replacement: "preact/jsx-runtime" },
      { find: /^react-dom\/client$/, replacement: "preact/compat/client" },
      { find: /^react(-dom)?$/, replacement: "preact/compat" },
    ],
  },
  build: {
    target: "es2023",
    assetsInlineLimit: 0, // the Content-Security-Policy forbids data: URLs
    modulePreload: { polyfill: false },
    // One request less before a folder is shown: without this, the dialogs are a file of their own.
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [{ name: "files", test: /src\/(files|graphql|api-response|retry|signed-url|Dialog)\.tsx?$/ }],
        },
      },
    },
  },
});
