// Reads lines of "method url pause", and takes those of a port one after the other.
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';

const ports = new Map();

async function take([method, url, pause]) {
  await setTimeout(Number(pause));
  try {
    const response = await fetch(url, { method, body: method === 'POST' ? 'x' : undefined });
    console.log(await response.text(), url, '');
  } catch (error) {
    console.log('', url, String(error.cause ?? error));
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const words = line.split(' ');
  const { port } = new URL(words[1]);
  ports.set(port, (ports.get(port) ?? Promise.resolve()).then(() => take(words)));
}
