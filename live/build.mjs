// Empaqueta la sala en un solo guion clásico, que funciona también desde file://.
//   node build.mjs           escribe coursekit/arcade/static/arcade.js
//   node build.mjs --check   falla si lo escrito no es lo que hoy saldría
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const output = fileURLToPath(new URL("../coursekit/arcade/static/arcade.js", import.meta.url));

/** Un módulo que se importa como `worker:./ruta.js` llega como el texto de un guion entero, para un Worker de Blob. */
const workers = {
  name: "workers",
  setup(api) {
    api.onResolve({ filter: /^worker:/ }, (args) => ({
      path: fileURLToPath(new URL(args.path.slice(7), `file://${args.importer}`)),
      namespace: "worker",
    }));
    api.onLoad({ filter: /.*/, namespace: "worker" }, async (args) => {
      const result = await bundle(args.path);
      return { contents: result.outputFiles[0].text, loader: "text", watchFiles: Object.keys(result.metafile.inputs) };
    });
  },
};

function bundle(entry) {
  return build({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "iife",
    target: "es2021",
    charset: "utf8",
    legalComments: "none",
    loader: { ".css": "text" },
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [workers],
  });
}

// La licencia de 6502.ts pide que su aviso viaje con el código.
const LICENCE = `/*! Incluye 6502.ts (c) Christian Speckner y colaboradores, y sus dependencias, con licencia MIT. */\n`;

const result = await bundle("src/main.js");
const text = LICENCE + result.outputFiles[0].text;
if (process.argv.includes("--check")) {
  const committed = await readFile(output, "utf8").catch(() => "");
  if (committed !== text) {
    console.error("coursekit/arcade/static/arcade.js no es lo que sale de live/: ejecute «npm run build» y guárdelo.");
    process.exit(1);
  }
} else await writeFile(output, text);
const kB = (n) => `${(n / 1000).toFixed(0)} kB`;
console.log(`arcade.js: ${kB(Buffer.byteLength(text))} (${kB(gzipSync(text, { level: 9 }).length)} con gzip)`);
