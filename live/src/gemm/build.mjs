// Compila gemm.ts y deja el WebAssembly, en base64, en gemm.wasm.js.
//   node src/gemm/build.mjs           lo escribe
//   node src/gemm/build.mjs --check   falla si lo escrito no es lo que hoy saldría
import asc from "assemblyscript/asc";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const output = `${here}gemm.wasm.js`;

const flags = "-O3 --noAssert --enable simd --runtime stub --importMemory --outFile gemm.wasm";
let binary;
const { error, stderr } = await asc.main([`${here}gemm.ts`, ...flags.split(" ")], {
  writeFile(name, contents) {
    if (name.endsWith(".wasm")) binary = Buffer.from(contents);
  },
});
if (error) throw new Error(`${error.message}\n${stderr}`);

const text = `// Lo escribe build.mjs a partir de gemm.ts: no se edita a mano.\nexport default "${binary.toString("base64")}";\n`;
if (process.argv.includes("--check")) {
  if ((await readFile(output, "utf8").catch(() => "")) !== text) {
    console.error("src/gemm/gemm.wasm.js no es lo que sale de gemm.ts: ejecute «npm run build:gemm» y guárdelo.");
    process.exit(1);
  }
} else await writeFile(output, text);
console.log(`gemm: ${binary.length} bytes de WebAssembly`);
