// Los datos grandes (ROM y pesos) llegan en guiones que se piden al apretar «Jugar»: así también sirven desde file://.

const arrived = new Map(); // nombre → texto en base64

/** Lo que llama cada archivo de datos al ejecutarse. */
export function receive(name, base64) {
  arrived.set(name, base64);
}

/** Deshace el base64 y el gzip, que revisa su propia suma de control. */
async function unpack(base64) {
  const letters = atob(base64), packed = new Uint8Array(letters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = letters.charCodeAt(i); // Uint8Array.from detiene la página 0.4 s
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Los bytes de un archivo de datos, que se pide una sola vez.
 * @param {string} base carpeta de los archivos, con su barra al final
 * @param {string} name nombre sin terminación
 * @returns {Promise<Uint8Array>} rechaza con un Error que ya es una frase para quien lee
 */
export async function load(base, name) {
  if (!arrived.has(name)) await request(`${base}${name}.js`);
  const base64 = arrived.get(name);
  arrived.delete(name); // el texto pesa 4 MB: no se guarda dos veces
  if (base64 === undefined) throw new Error(`El archivo ${name}.js no trae lo que su nombre dice: vuelva a generarlo.`);
  try {
    return await unpack(base64);
  } catch {
    throw new Error(`El archivo ${name}.js está dañado: vuelva a generarlo o a copiarlo.`);
  }
}

function request(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    const done = (settle) => () => {
      script.remove();
      settle();
    };
    script.onload = done(resolve);
    script.onerror = done(() => reject(new Error(`No se pudo leer ${address}: revise que el archivo esté donde la página lo busca.`)));
    document.head.append(script);
  });
}
