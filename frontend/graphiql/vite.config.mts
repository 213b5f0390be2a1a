import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/**
 * Adapts GraphiQL's style sheet to the page: drops its fonts (0.35 MB, embedded), and writes colours so that a
 * variable may hold a colour derived from the page's palette, `from var(--ink) h s l`.
 */
const graphiqlStyle: Plugin = {
  name: "graphiql-style",
  enforce: "pre",
  transform(code, id) {
    if (!id.endsWith("/graphiql/dist/style.css")) return;
    return code
      .replace(/@font-face\s*\{[^}]*\}/g, "")
      .replace(/hsla\((var\([^)]+\)),\s*(var\([^)]+\)|[\d.]+)\)/g, "hsl($1 / $2)");
  },
};

export default defineConfig({
  base: "./",
  plugins: [graphiqlStyle, react()],
  build: {
    outDir: "../dist-graphiql", // apart from the page, which is also deployed to AWS
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500, // kB; it is loaded from this machine only
  },
});
