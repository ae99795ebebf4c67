// What others wrote and our packages contain: their licences, word for word, from the very sources that are compiled.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const LLAMA = path.join(ROOT, 'vendor', 'llama.cpp');
const require = createRequire(import.meta.url);

const whole = (text) => text;
/** The comment that begins a file. */
const header = (text) => text.slice(0, text.search(/\n\s*(\n|#)/)).replace(/^(\/\/|\/\*| \*) ?/gm, '');
/** The comment that ends it, from a line on. */
const footer = (begin) => (text) => text.slice(text.lastIndexOf(begin)).replace(/\*\/\s*$/, '');

const MIT = (copyright) => `${copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
/** A file that names its author and its licence, and leaves out the words. */
const mit = (pattern) => (text) => {
  const [, copyright] = pattern.exec(text) ?? [];
  return copyright && MIT(copyright);
};

/** In the binaries. `text` makes the licence of what stands in `file`, which `test/notices.test.ts` looks at after a move of the pin. */
const COMPILED = [
  { name: 'llama.cpp and ggml', license: 'MIT', file: 'LICENSE', text: whole, pinned: true },
  {
    name: 'llamafile (sgemm)',
    license: 'MIT',
    file: 'ggml/src/ggml-cpu/llamafile/sgemm.cpp',
    text: header,
  },
  {
    name: 'YaRN (rotary embeddings)',
    license: 'MIT',
    file: 'ggml/src/ggml-cpu/ops.cpp',
    text: mit(/MIT licensed\. (Copyright \(c\) 2023 Jeffrey Quesnelle and Bowen Peng)/),
  },
  {
    name: 'JSON for Modern C++',
    license: 'MIT',
    file: 'vendor/nlohmann/json.hpp',
    text: mit(/SPDX-FileCopyrightText: (.*Niels Lohmann.*)\n.*SPDX-License-Identifier: MIT/),
  },
  {
    name: 'stb_image',
    license: 'MIT',
    file: 'vendor/stb/stb_image.h',
    text: footer('This software is available under'),
  },
  {
    name: 'miniaudio',
    license: 'MIT-0',
    file: 'vendor/miniaudio/miniaudio.h',
    text: footer('This software is available as a choice'),
  },
  { name: 'xxHash', license: 'BSD-2-Clause', file: 'vendor/hash/xxhash/LICENSE', text: whole },
  { name: 'rotate-bits', license: 'MIT', file: 'vendor/hash/rotate-bits/LICENSE.md', text: whole },
  {
    name: 'SHA-256 of Igor Pavlov',
    license: 'LicenseRef-public-domain',
    file: 'vendor/hash/sha256/LICENSE',
    text: whole,
  },
  { name: 'SHA-1 of Steve Reid', license: 'LicenseRef-public-domain', file: 'vendor/hash/sha1/sha1.c', text: header },
];

const RUNTIME = {
  name: 'libstdc++ and libgcc, or libc++',
  license: 'GPL-3.0-or-later WITH GCC-exception-3.1',
  notice:
    'On Linux and Windows the runtime library of the compiler is linked in. That of GCC is under the GNU General Public\n' +
    'License with the GCC Runtime Library Exception, which lets programs contain it under terms of their own; that of LLVM\n' +
    'under the Apache License 2.0 with LLVM Exceptions.',
};

/** What an addon and its libraries are made from, with the licences. Throws where a source does not say what it did. */
export function compiledParts() {
  const { tag, commit } = JSON.parse(fs.readFileSync(path.join(ROOT, 'vendor', 'pin.json'), 'utf8'));
  const parts = COMPILED.map(({ name, license, file, text, pinned }) => {
    const notice = text(fs.readFileSync(path.join(LLAMA, file), 'utf8'))?.trim();
    if (!notice) throw new Error(`vendor/llama.cpp/${file} no longer says what ${name} is licensed under`);
    return { name, license, notice, version: pinned ? `${tag} (${commit})` : undefined };
  });
  const headers = path.dirname(require.resolve('node-addon-api/package.json'));
  const { version } = JSON.parse(fs.readFileSync(path.join(headers, 'package.json'), 'utf8'));
  const notice = fs.readFileSync(path.join(headers, 'LICENSE.md'), 'utf8').trim();
  return [...parts, { name: 'node-addon-api', license: 'MIT', notice, version }, RUNTIME];
}

/** What the server's page is bundled from. */
export function bundledParts() {
  const folder = path.dirname(require.resolve('preact/package.json', { paths: [path.join(ROOT, 'cli')] }));
  const { version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const notice = fs.readFileSync(path.join(folder, 'LICENSE'), 'utf8').trim();
  return [{ name: 'preact', license: 'MIT', notice, version }];
}

/** As a file of a package. */
export function noticesText(title, parts) {
  const line = '-'.repeat(80);
  const bodies = parts.map(({ name, license, version, notice }) =>
    [line, `${name}${version ? ` ${version}` : ''}`, `Licence: ${license}`, '', notice, ''].join('\n'),
  );
  return `${title}\n\n${bodies.join('\n')}`;
}
