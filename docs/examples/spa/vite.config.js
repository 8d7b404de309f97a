export default {
  server: { port: 5173, strictPort: true },
  esbuild: { jsx: "automatic" },
  resolve: { dedupe: ["react"], preserveSymlinks: true },
};
