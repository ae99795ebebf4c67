// Requests that a server gets from clients, from programs that guess, and from those who mean harm.
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { request } from './http.mjs';
import { damageJson } from './json.mjs';
import { damagePicture } from './pictures.mjs';
import { oddNumber, oddText } from './values.mjs';

const JSON_TYPE = ['content-type', 'application/json'];
const dataUrl = (bytes, type = 'image/png') => `data:${type};base64,${bytes.toString('base64')}`;
const json = (path, body, headers = []) =>
  request('POST', path, [JSON_TYPE, ...headers], Buffer.from(JSON.stringify(body)));

/** A question with one answer. */
export const plainRequest = (picture) => json('/v1/tasks/caption', { image: dataUrl(picture) });

/** Forms, with whatever in them. @param parts [name, value, file name?, type?] */
function form(parts, boundary = 'x-fuzz-x') {
  const pieces = parts.flatMap(([name, value, file, type]) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"`}\r\n${type ? `content-type: ${type}\r\n` : ''}\r\n`,
    ),
    Buffer.from(value),
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}
const FORM_TYPE = ['content-type', 'multipart/form-data; boundary=x-fuzz-x'];

function chunk(type, data) {
  const named = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** A PNG that says it is so large, with few pixels or none. */
function declared(width, height, depth, colour) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([depth, colour], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const some = deflateSync(Buffer.alloc(1 << 16));
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', some), chunk('IEND', Buffer.alloc(0))]);
}

const WEIGHTS = [
  [24, 'tree'],
  [8, 'schema'],
  [12, 'picture'],
  [10, 'fields'],
  [10, 'place'],
  [4, 'remote'],
  [1, 'bomb'],
  [2, 'large'],
  [8, 'headers'],
  [6, 'raw'],
  [4, 'pipelined'],
  [6, 'leaving'],
  [1, 'slow'],
  [8, 'paths'],
];

export class Kinds {
  constructor(place) {
    Object.assign(this, place);
    this.plain = plainRequest(this.good);
    this.tasks = Object.entries(this.described.paths).filter(([path]) => path.startsWith('/v1/tasks/'));
  }

  static async bombs() {
    const flat = (width, height) =>
      sharp({ create: { width, height, channels: 3, background: '#a06' } })
        .png({ compressionLevel: 9 })
        .toBuffer();
    return {
      'flat.bomb': await flat(12_000, 12_000),
      'long.bomb': await flat(30_000, 1000),
      'declared.bomb': declared(60_000, 60_000, 8, 2),
      'declared-most.bomb': declared(2 ** 31 - 1, 2 ** 31 - 1, 16, 6),
      'declared-fits.bomb': declared(13_000, 13_000, 16, 6),
    };
  }

  /** Requests that are right, by route: [path, body]. */
  #right(image = dataUrl(this.good)) {
    const user = (text, more = {}) => ({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text },
            { type: 'image_url', image_url: { url: image } },
          ],
        },
      ],
      max_tokens: 5,
      ...more,
    });
    const schema = (of) => ({
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: of, strict: true } },
    });
    const bare = image.slice(image.indexOf(',') + 1);
    return [
      ['/v1/chat/completions', user('caption en')],
      ['/v1/chat/completions', user('caption en', { stream: true, stream_options: { include_usage: true } })],
      [
        '/v1/chat/completions',
        user('how many?', { temperature: 1, top_p: 0.9, seed: 4, stop: ['x'], logprobs: true, top_logprobs: 2 }),
      ],
      ['/v1/chat/completions', user('is it a cat?', schema({ type: 'string', enum: ['yes', 'no'] }))],
      ['/v1/chat/completions', user('detect cat ; owl', schema(BOXES))],
      [
        '/v1/responses',
        {
          input: [
            {
              role: 'user',
              content: [
                { type: 'input_text', text: 'caption en' },
                { type: 'input_image', image_url: image },
              ],
            },
          ],
          max_output_tokens: 5,
        },
      ],
      [
        '/v1/responses',
        {
          input: [
            {
              role: 'user',
              content: [
                { type: 'input_text', text: 'ocr' },
                { type: 'input_image', image_url: image },
              ],
            },
          ],
          stream: true,
        },
      ],
      ['/v1/tasks/score', { prompt: 'caption en', answer: 'a cat', image }],
      ['/v1/tasks/encode', { image }],
      ['/v1/tasks/caption', { image, stream: true }],
      ['/hf/image-to-text', { inputs: bare, parameters: { max_new_tokens: 5 } }],
      ['/hf/visual-question-answering', { inputs: { image: bare, question: 'how many?' }, parameters: { top_k: 1 } }],
      ['/hf/object-detection?labels=cat%3Bowl', { inputs: bare, parameters: { threshold: 0.2 } }],
      ['/hf/zero-shot-object-detection', { inputs: bare, parameters: { candidate_labels: ['cat', 'owl'] } }],
      ['/hf/image-segmentation', { inputs: bare, parameters: { candidate_labels: ['cat'], mask_threshold: 0.5 } }],
      ...this.tasks
        .filter(([path]) => !/score|encode/.test(path))
        .map(([path, operation]) => [path, this.#fields(operation, image)]),
    ];
  }

  /** What a task needs, by its schema. */
  #fields({ post }, image) {
    const { properties, required = [] } = post.requestBody.content['application/json'].schema;
    const value = ({ type, anyOf, enum: list, items }) => {
      if (list) return list[0];
      const kinds = [type ?? anyOf?.map((one) => one.type) ?? 'string'].flat();
      if (kinds.includes('string')) return 'cat';
      if (kinds.includes('array')) return ['cat', items?.enum?.[0] ?? 'owl'];
      return kinds.includes('boolean') ? true : 3;
    };
    return { image, ...Object.fromEntries(required.map((name) => [name, value(properties[name])])) };
  }

  whole() {
    const posts = this.#right().map(([path, body]) => ({ bytes: json(path, body), methods: ['POST'], what: path }));
    const gets = [
      '/v1/models',
      '/health',
      '/openapi.json',
      '/page/config',
      '/page/published',
      '/page/downloads',
      '/docs',
      '/',
    ];
    return [
      ...posts.filter(({ what }) => !/\/tasks\/(choose|compare|same)/.test(what)),
      ...gets.map((path) => ({ bytes: request('GET', path), methods: ['GET'], what: path })),
    ];
  }

  any(random) {
    const kind = random.weighted(WEIGHTS);
    const { what, ...made } = this[kind](random);
    return { methods: ['POST'], ...made, what: `${kind}: ${what}`.slice(0, 300) };
  }

  tree(random) {
    const [path, body] = random.pick(this.#right());
    if (random.chance(0.2)) body[oddText(random).slice(0, 2000)] = random.pick([null, {}, [], oddNumber(random), 'x']);
    if (random.chance(0.2)) addOption(random, this.described.paths[path], body);
    const { bytes, what } = damageJson(random, Buffer.from(JSON.stringify(body)), { treeShare: 0.85 });
    return { bytes: request('POST', path, [JSON_TYPE], bytes), what: `${path} ${what}` };
  }

  schema(random) {
    const [path, body] = random.pick(this.#right().slice(3, 6));
    const schema = randomSchema(random, random.pick([1, 2, 3, 5]));
    if (path === '/v1/responses') body.text = { format: { type: 'json_schema', name: 'x', schema } };
    else
      body.response_format = {
        type: random.pick(['json_schema', 'json_object', 'text', 'x']),
        json_schema: { name: 'x', schema },
      };
    return { bytes: json(path, body), what: `${path} ${JSON.stringify(schema).slice(0, 200)}` };
  }

  #damaged(random) {
    const [name, picture] = random.pick(this.pictures);
    return { name, ...damagePicture(random, name, picture, random.pick(this.pictures)[1]) };
  }

  picture(random) {
    const { name, bytes, what } = this.#damaged(random);
    const how = random.pick(['data', 'form', 'bytes', 'png']);
    const type = [
      'content-type',
      random.pick(['image/png', 'image/jpeg', 'application/octet-stream', 'image/svg+xml', 'x']),
    ];
    if (how === 'bytes') return { bytes: request('POST', '/hf/image-to-text', [type], bytes), what: `${name} ${what}` };
    if (how === 'form')
      return {
        bytes: request('POST', '/v1/tasks/caption', [FORM_TYPE], form([['image', bytes, name]])),
        what: `${name} ${what}`,
      };
    if (how === 'png')
      return {
        bytes: json('/v1/tasks/detect', { image: dataUrl(bytes), labels: 'cat' }, [['accept', 'image/png']]),
        what: `drawn, ${name} ${what}`,
      };
    const [path, body] = random.pick(
      this.#right(dataUrl(bytes, random.pick(['image/png', 'text/html', '', ';;', 'image/png;charset=utf-8']))),
    );
    return { bytes: json(path, body), what: `${path} ${name} ${what}` };
  }

  fields(random) {
    const [path, operation] = random.pick(this.tasks);
    const names = Object.keys(operation.post.requestBody.content['application/json'].schema.properties);
    const parts = [['image', this.good, 'a.png', 'image/png']];
    const count = random.pick([0, 1, 2, 3, 70]);
    for (let i = 0; i < count; i++)
      parts.push([
        random.pick([
          ...names,
          ...names,
          '__proto__',
          'constructor',
          'toString',
          'hasOwnProperty',
          'a'.repeat(5000),
          '\ud800',
          '"',
          '',
        ]),
        random.pick(['cat', '3', 'true', 'null', '{"a":1}', '[]', oddText(random), dataUrl(this.good)]),
        ...random.pick([[], [], [], ['../../etc/passwd'], ['\\\\server\\share\\a.png', 'text/html']]),
      ]);
    let body = form(random.shuffled(parts));
    let type = FORM_TYPE;
    const harm = random.pick(['none', 'none', 'cut off', 'other boundary', 'no boundary', 'long boundary', 'no name']);
    if (harm === 'cut off') body = body.subarray(0, random.below(body.length));
    if (harm === 'other boundary') type = ['content-type', 'multipart/form-data; boundary=other'];
    if (harm === 'no boundary') type = ['content-type', 'multipart/form-data'];
    if (harm === 'long boundary') type = ['content-type', `multipart/form-data; boundary=${'x'.repeat(5000)}`];
    if (harm === 'no name') body = Buffer.from(body.toString('latin1').replaceAll('name=', 'nome='), 'latin1');
    return { bytes: request('POST', path, [type], body), what: `${path} ${count} fields, ${harm}` };
  }

  /** Pictures that are elsewhere: none may be read. */
  place(random) {
    const { file, inner } = this.servers;
    const where = random.pick([
      file,
      `file://${file}`,
      `FILE://localhost${file}`,
      `file:${file}`,
      `${'../'.repeat(12)}${file.slice(1)}`,
      `./${file}`,
      '/etc/passwd',
      'file:///etc/passwd',
      '/proc/self/environ',
      '\\\\server\\share\\a.png',
      'C:\\Windows\\win.ini',
      `http://127.0.0.1:${inner}/a.png`,
      `HTTP://localhost:${inner}/a.png`,
      `http:127.0.0.1:${inner}/a.png`,
      `\thttp://127.0.0.1:${inner}/`,
      `//127.0.0.1:${inner}/a.png`,
      `ftp://127.0.0.1:${inner}/a.png`,
      `data:text/x-uri,http://127.0.0.1:${inner}/a.png`,
      `data:${file}`,
      'blob:nodedata:1',
      `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9"><image xlink:href="http://127.0.0.1:${inner}/a.png"/></svg>`,
      `data:image/svg+xml;base64,${Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file://${file}"/></svg>`).toString('base64')}`,
      'data:,',
      'data:image/png;base64,',
      'data:image/png;base64,=====',
      'javascript:alert(1)',
      '',
    ]);
    const [path, body] = random.pick(this.#right(where));
    const put = JSON.parse(JSON.stringify(body));
    if (path.startsWith('/hf/')) {
      if (typeof put.inputs === 'object') put.inputs.image = where;
      else put.inputs = where;
    }
    return { bytes: json(path, put), refuse: true, what: `${path} ${where}` };
  }

  /** Of a server that fetches: from public addresses alone. */
  remote(random) {
    const { inner, outer } = this.servers;
    const bad = random.pick([
      `http://127.0.0.1:${inner}/a.png`,
      `http://localhost:${inner}/a.png`,
      `http://[::1]:${inner}/a.png`,
      `http://[::ffff:127.0.0.1]:${inner}/a.png`,
      `http://2130706433:${inner}/a.png`,
      `http://0x7f.1:${inner}/a.png`,
      `http://127.1:${inner}/a.png`,
      `http://0:${inner}/a.png`,
      `http://user:word@127.0.0.1:${inner}/a.png`,
      `http://private.test:${inner}/a.png`,
      'http://169.254.169.254/latest/meta-data',
      `file:///etc/passwd`,
    ]);
    const [where, refuse] = random.pick([
      [bad, true],
      [`http://public.test:${outer}/?to=${encodeURIComponent(bad)}`, true],
      [
        `http://public.test:${outer}/?to=${encodeURIComponent(`http://public.test:${outer}/?to=${encodeURIComponent(bad)}`)}`,
        true,
      ],
      [`http://public.test:${outer}/a.png`, false],
      [`http://rebinding.test:${inner}/a.png`, false],
    ]);
    // Of what changes its address the answer is by turns: that nobody is asked on the loopback shows at the end.
    const port = where.includes('rebinding') ? where.replace(String(inner), String(outer)) : where;
    const [path, body] = random.pick(this.#right(port).filter(([name]) => !name.startsWith('/hf/')));
    return { server: 'remote', bytes: json(path, body), refuse, what: `${path} ${port}` };
  }

  bomb(random) {
    const [name, bytes] = random.pick(this.bombs);
    const [path, body] = random.pick(this.#right(dataUrl(bytes)).filter(([one]) => !/segment/.test(one)));
    return { bytes: json(path, body), what: `${path} ${name}` };
  }

  large(random) {
    const size = random.pick([1 << 20, 4 << 20, 8 << 20, 13 << 20]);
    const text = random.pick(['A', '=', ' ', '%41', '\\u0000', '\u00e9', 'cat ; ']);
    const [path, body] = random.pick(this.#right());
    const raw = JSON.stringify(body).replace(/"(data:[^"]*|caption en|how many\?|cat)"/, () => {
      const before = random.pick(['', 'data:image/png;base64,', 'data:', 'x']);
      return `"${before}${text.repeat(Math.floor(size / text.length))}"`;
    });
    return { bytes: request('POST', path, [JSON_TYPE], Buffer.from(raw)), what: `${path} ${size} of ${text}` };
  }

  headers(random) {
    const [path, body] = random.pick(this.#right());
    const odd = [
      [
        'host',
        random.pick([
          'evil.example',
          'localhost.evil.example',
          '',
          '127.0.0.1:1:2',
          '[::1',
          'LOCALHOST',
          '\xff',
          'localhost@evil',
        ]),
      ],
      [
        'origin',
        random.pick(['null', 'http://evil.example', 'http://localhost.evil.example', 'x', '', 'http://localhost']),
      ],
      ['x-request-id', random.pick(['a'.repeat(500), 'a\tb', '<script>', '{"a":1}', '\xe9'])],
      ['authorization', random.pick(['Bearer', 'Bearer x', `Bearer ${' '.repeat(4000)}x y`, 'Basic eDp4', '\xff'])],
      ['accept', random.pick(['image/png', 'text/event-stream', 'x'.repeat(4000)])],
      ['content-encoding', random.pick(['gzip', 'br', 'x'])],
      ['expect', random.pick(['100-continue', 'x'])],
      ['upgrade', 'websocket'],
      ['connection', random.pick(['close', 'upgrade', 'keep-alive, x-request-id'])],
      ['x-forwarded-host', 'evil.example'],
      ['x-http-method-override', 'DELETE'],
      ['cookie', 'a=b; '.repeat(random.pick([1, 500]))],
      ['range', 'bytes=0-1'],
      ['if-none-match', '*'],
    ];
    const headers = random.shuffled(odd).slice(0, random.pick([1, 1, 2, 3]));
    const flood = random.pick([0, 0, 50, 3000]);
    for (let i = 0; i < flood; i++) headers.push([`x-${i}`, 'y']);
    const type = random.pick([
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-16',
      'application/vnd.api+json',
      'application/xml',
      'multipart/form-data',
      'multipart/mixed; boundary=x',
      'image/png',
      '',
      '/',
      `a/${'b'.repeat(3000)}`,
    ]);
    const bytes = request('POST', path, [['content-type', type], ...headers], Buffer.from(JSON.stringify(body)));
    return { bytes, methods: [], what: `${path} ${type.slice(0, 50)} ${headers.slice(0, 3).join(' ').slice(0, 100)}` };
  }

  raw(random) {
    const body = '{"image":"x"}';
    const post = (head, rest = '') =>
      `POST /v1/tasks/caption HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${head}\r\n\r\n${rest}`;
    const text = random.pick([
      post(
        'content-length: 5\r\ntransfer-encoding: chunked',
        `0\r\n\r\nGET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n`,
      ),
      post('content-length: 3\r\ncontent-length: 13', body),
      post('content-length: -1', body),
      post('content-length: 99999999999999999999', body),
      post('content-length: +13', body),
      post('content-length: 13, 13', body),
      post('transfer-encoding: chunked, identity', body),
      post('transfer-encoding: xchunked', body),
      post('transfer-encoding: chunked', `d\r\n${body}\r\n0\r\n\r\n`),
      post('transfer-encoding: chunked', `ffffffffffffffff\r\n${body}\r\n0\r\n\r\n`),
      post('transfer-encoding: chunked', `d;${'x'.repeat(20_000)}\r\n${body}\r\n0\r\n\r\n`),
      post('transfer-encoding: chunked', `d\r\n${body}\r\n0\r\nx-trailer: ${'y'.repeat(20_000)}\r\n\r\n`),
      post(`x: a\r\n b`, body),
      post('x\r\n', body),
      'GET / HTTP/0.9\r\n\r\n',
      'GET /v1/models HTTP/1.0\r\n\r\n',
      'GET /v1/models HTTP/1.0\r\nhost: localhost\r\n\r\n',
      'GET /v1/models HTTP/1.1\r\n\r\n',
      'GET /v1/models HTTP/2.0\r\nhost: localhost\r\n\r\n',
      'GET http://evil.example/v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'GET * HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'CONNECT localhost:22 HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'TRACE / HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
      `GET / HTTP/1.1\r\n${'a'.repeat(20_000)}`,
      '\r\n'.repeat(5000),
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'GET /v1/models HTTP/1.1\nhost: localhost\n\n',
      'GET /v1/models HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n',
      `${this.plain.toString('latin1')}GARBAGE\r\n\r\n`,
      random.bytes(random.pick([1, 50, 5000])).toString('latin1'),
    ]);
    return { bytes: Buffer.from(text, 'latin1'), methods: [], what: text.slice(0, 120) };
  }

  pipelined(random) {
    const count = random.pick([2, 3, 12]);
    const parts = Array.from({ length: count }, () =>
      random.chance(0.3)
        ? request('GET', random.pick(['/v1/models', '/none', '/health']))
        : json(...random.pick(this.#right())),
    );
    const leave = random.pick([undefined, undefined, 'sent', 'answering']);
    const methods = parts.map((bytes) => bytes.toString('latin1', 0, 4).trim());
    return { bytes: Buffer.concat(parts), methods, leave, what: `${count}, ${leave ?? 'all are read'}` };
  }

  leaving(random) {
    const [path, body] = random.pick(this.#right());
    const bytes = json(path, { ...body, ...(path.startsWith('/v1/chat') && { max_tokens: 300, temperature: 2 }) });
    const cut = random.chance(0.4) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    return {
      bytes: cut,
      leave: cut === bytes ? random.pick(['sent', 'answering']) : 'sent',
      what: `${path} at ${cut.length}`,
    };
  }

  slow(random) {
    const [path, body] = random.pick(this.#right());
    return { bytes: json(path, body), pieces: random.pick([5, 20]), what: path };
  }

  paths(random) {
    const method = random.pick(['GET', 'GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT', 'PATCH', 'POST']);
    const start = random.pick([
      ...Object.keys(this.described.paths),
      '/',
      '/docs/',
      '/docs/static/',
      '/page/downloads',
      '/page/downloads/',
      '/assets/',
      '/v1/models/',
    ]);
    const end = random.pick([
      '',
      '?',
      '?model=x&model=y&__proto__=1&labels[a]=2',
      `?${'a=b&'.repeat(2000)}`,
      '%00',
      '%',
      '%E0%A4%A',
      '..%2f..%2f..%2fetc/passwd',
      '../../../../etc/passwd',
      '..\\..\\package.json',
      '/.%2e/%2e%2e/package.json',
      '//evil.example/..',
      '%ff%fe',
      '%ud800',
      `${'x'.repeat(3000)}`,
      ';a=b',
      '#x',
      '.json',
    ]);
    const body = random.chance(0.3)
      ? Buffer.from(random.pick(['{}', '{"model":"x"}', '{"model":"google/paligemma2-3b-mix-224"}', 'null', '[']))
      : Buffer.alloc(0);
    return {
      bytes: request(method, start + end, body.length > 0 ? [JSON_TYPE] : [], body),
      methods: [method],
      what: `${method} ${start}${end}`,
    };
  }
}

const BOXES = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      label: { type: 'string' },
      score: { type: 'number' },
      box: {
        type: 'object',
        properties: Object.fromEntries(['xmin', 'ymin', 'xmax', 'ymax'].map((side) => [side, { type: 'number' }])),
      },
    },
  },
};

/** An option that the route has, with some value. */
function addOption(random, operation, body) {
  const { properties } = operation?.post?.requestBody?.content?.['application/json']?.schema ?? {};
  if (!properties) return;
  const name = random.pick(Object.keys(properties));
  body[name] = random.pick([null, true, oddNumber(random), 0.5, 1, 7, oddText(random), ['a', 'b'], [], {}, [[1]]]);
  if (typeof body[name] === 'number' && !Number.isFinite(body[name])) body[name] = 1e300;
}

/** Schemas, of which few can be answered; some call themselves, some ask for what schemas should not. */
function randomSchema(random, depth) {
  const inner = () => (depth > 0 ? randomSchema(random, depth - 1) : { type: 'string', enum: ['yes', 'no'] });
  const doubled = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `d${i}`,
      { allOf: [{ $ref: `#/definitions/d${i + 1}` }, { $ref: `#/definitions/d${i + 1}` }] },
    ]),
  );
  let deep = { type: 'string' };
  for (let i = random.pick([10, 500, 4000]); i > 0; i--) deep = { [random.pick(['not', 'items', 'x'])]: deep };
  const choice = { type: 'string', enum: ['yes', 'no'] };
  return random.pick([
    () => choice,
    () => BOXES,
    () => ({ type: 'object', properties: { a: inner(), b: inner() }, required: ['a'], additionalProperties: false }),
    () => ({ type: 'array', items: inner() }),
    () => ({ ...choice, $ref: '#' }),
    () => ({ ...choice, anyOf: [{ $ref: '#' }] }),
    () => ({ ...choice, $async: true, minLength: 9 }),
    () => ({ ...choice, $dynamicRef: '#' }),
    () => ({ ...choice, $ref: random.pick(['http://127.0.0.1/x', 'file:///etc/passwd', '#/none', '#/%ff', '']) }),
    () => ({ ...choice, $id: random.pick(['http://json-schema.org/draft-07/schema#', 'x', '#', '\0']) }),
    () => ({ ...choice, $schema: random.pick(['http://json-schema.org/draft-04/schema#', 'x', 5]) }),
    () => ({ ...choice, pattern: '^(a+)+$' }),
    () => ({ ...choice, pattern: random.pick(['(', '[', '\\', 'a'.repeat(9000)]) }),
    () => ({ enum: Array.from({ length: random.pick([1, 26, 27, 9000]) }, (_, i) => `c${i}`) }),
    () => ({ enum: [oddText(random), oddText(random), 'x'] }),
    () => ({ definitions: doubled, $ref: '#/definitions/d0' }),
    () => ({ ...choice, definitions: doubled, allOf: [{ $ref: '#/definitions/d30' }] }),
    () => deep,
    () => ({ oneOf: [inner(), ...Array(random.pick([1, 2000])).fill(choice)] }),
    () => ({ properties: null }),
    () => ({ properties: { a: null, b: 5, c: inner() } }),
    () => ({ type: random.pick(['none', 5, [], ['string', 'string']]) }),
    () => [inner()],
    () => ({ patternProperties: { '^(.*)*$': inner() }, required: ['a', 'a'], minItems: -1 }),
    () => ({
      if: inner(),
      else: inner(),
      const: oddNumber(random),
      discriminator: { propertyName: 'a' },
    }),
    () => ({ ...choice, multipleOf: 0, uniqueItems: true, contentEncoding: 'base64', format: 'regex', nullable: true }),
  ])();
}
