import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // the page works under any path
  plugins: [react()],
  build: {
    target: "es2023",
    assetsInlineLimit: 0, // the policy of the page allows no data: URLs
    modulePreload: { polyfill: false },
  },
});
