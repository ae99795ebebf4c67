// What a package says of others' work in it. The licences are read from the very sources, so a move of the pin may lose one.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ROOT } from './helpers/fixtures.js';

interface Part {
  name: string;
  license: string;
  notice: string;
  version?: string;
}
let compiled: Part[];
let text: (title: string, parts: Part[]) => string;
let bill: (manifest: object, parts: Part[]) => { components: { name: string }[]; serialNumber: string };
beforeAll(async () => {
  const script = (name: string) => import(pathToFileURL(path.join(ROOT, 'scripts', name)).href);
  const notices = await script('notices.mjs');
  compiled = notices.compiledParts();
  text = notices.noticesText;
  bill = (await script('sbom.mjs')).sbom;
});

describe('notices of the binaries', () => {
  test.each([
    ['llama.cpp and ggml', 'The ggml authors'],
    ['llamafile (sgemm)', 'Mozilla Foundation'],
    ['YaRN (rotary embeddings)', 'Bowen Peng'],
    ['JSON for Modern C++', 'Niels Lohmann'],
    ['stb_image', 'Sean Barrett'],
    ['miniaudio', 'David Reid'],
    ['xxHash', 'Yann Collet'],
    ['rotate-bits', 'William Casarin'],
    ['SHA-256 of Igor Pavlov', 'Igor Pavlov'],
    ['SHA-1 of Steve Reid', 'Steve Reid'],
    ['node-addon-api', 'Node.js'],
  ])('%s is by %s', (name, author) => {
    const part = compiled.find((one) => one.name === name);
    expect(part?.notice).toContain(author);
    if (part?.license === 'MIT') expect(part.notice.replace(/\s+/g, ' ')).toMatch(/permission notice.*AS IS/i);
    expect(part?.notice).not.toMatch(/#include|\{/); // code is no licence
  });

  test('are one text', () => {
    const all = text('What it contains', compiled);
    for (const { name } of compiled) expect(all).toContain(`\n${name}`);
  });
});

test('a bill of materials is the same for the same, and names what is compiled in', () => {
  const manifest = { name: '@node-paligemma/linux-x64', version: '1.2.3', license: 'MIT' };
  const bom = bill(manifest, compiled);
  expect(bom).toEqual(bill(manifest, compiled));
  expect(bom).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: expect.stringMatching(/^urn:uuid:[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/),
    metadata: { component: { purl: 'pkg:npm/%40node-paligemma/linux-x64@1.2.3' } },
  });
  expect(bom.components.map(({ name }) => name)).toEqual(compiled.map(({ name }) => name));
  expect(bill({ ...manifest, version: '1.2.4' }, compiled).serialNumber).not.toBe(bom.serialNumber);
});
