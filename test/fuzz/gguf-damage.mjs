// What can be wrong with a GGUF file: its metadata, its tensors' descriptions, the file as such; values are gguf-weights.mjs'.
import { damageBytes } from './bytes.mjs';
import { elements, isNumeric, KV, layOut, list, number, numberOf, TENSOR, text } from './gguf.mjs';
import { damageWeights } from './gguf-weights.mjs';
import { oddNumber, oddText } from './values.mjs';

/** Keys that llama.cpp knows of other models, and what a value of them might be. */
const FOREIGN_KEYS = [
  ...['expert_count', 'expert_used_count', 'vocab_size', 'leading_dense_block_count', 'pooling_type', 'num_loops'],
  ...['attention.head_count_kv', 'attention.key_length_swa', 'attention.value_length_swa', 'attention.sliding_window'],
  ...['attention.sliding_window_pattern', 'attention.shared_kv_layers', 'attention.group_norm_groups', 'logit_scale'],
  ...['attention.max_alibi_bias', 'attention.clamp_kqv', 'attention.layer_norm_epsilon', 'embedding_scale'],
  ...[
    'rope.dimension_count_swa',
    'rope.freq_base_swa',
    'rope.scale_linear',
    'rope.scaling.type',
    'rope.scaling.factor',
  ],
  ...[
    'rope.scaling.original_context_length',
    'rope.scaling.attn_factor',
    'rope.scaling.yarn_ext_factor',
    'residual_scale',
  ],
  ...['rope.dimension_sections', 'attention.causal', 'ssm.conv_kernel', 'wkv.head_size', 'hidden_activation'],
].map((key) => `ARCH.${key}`);
const FOREIGN = [
  ...FOREIGN_KEYS,
  ...['general.alignment', 'general.file_type', 'general.quantization_version', 'split.count', 'split.no'],
  ...['split.tensors.count', 'tokenizer.ggml.merges', 'tokenizer.ggml.eot_token_id', 'tokenizer.ggml.eom_token_id'],
  ...['tokenizer.ggml.unknown_token_id', 'tokenizer.ggml.mask_token_id', 'tokenizer.ggml.token_type_count'],
  ...['tokenizer.ggml.precompiled_charsmap', 'tokenizer.ggml.add_sep_token', 'tokenizer.ggml.remove_extra_whitespaces'],
  ...['tokenizer.ggml.fim_pre_token_id', 'tokenizer.chat_template', 'tokenizer.huggingface.json', 'adapter.type'],
  ...['clip.use_silu', 'clip.has_audio_encoder', 'clip.has_llava_projector', 'clip.vision.projector_type'],
  ...['clip.vision.attention.head_count_kv', 'clip.vision.attention.head_dim', 'clip.vision.feature_layer'],
  ...['clip.vision.image_min_pixels', 'clip.vision.image_max_pixels', 'clip.vision.preproc_image_size'],
  ...['clip.vision.projector.scale_factor', 'clip.vision.spatial_merge_size', 'clip.vision.mm_patch_merge_type'],
  ...['clip.vision.image_grid_pinpoints', 'clip.vision.n_wa_pattern', 'clip.vision.wa_layer_indexes'],
  ...[
    'clip.vision.window_size',
    'clip.minicpmv_version',
    'clip.audio.num_mel_bins',
    'clip.vision.image_crop_resolution',
  ],
];

const TYPES = Object.values(KV);
const NUMERIC = TYPES.filter(isNumeric);

/** A value of any type. */
function oddEntryValue(random, type, now) {
  if (type === KV.text) return text(Buffer.from(oddText(random, String(now ?? ''))));
  if (type !== KV.list) return number(type, oddNumber(random, Number(now) || 0));
  const of = random.pick([...NUMERIC, KV.text]);
  const items = Array.from({ length: random.pick([0, 1, 2, 3, 7, 300]) }, () => oddEntryValue(random, of, now));
  return list(of, items);
}

const nowOf = (entry) =>
  isNumeric(entry.type) ? numberOf(entry) : entry.type === KV.text ? entry.value.toString('latin1', 8) : '';

const architectureOf = (file) =>
  file.entries.find(({ key }) => key === 'general.architecture')?.value.toString('latin1', 8) ?? 'gemma';

/** Damage to the metadata. Each says what it did. */
const ENTRIES = {
  change(random, file) {
    const entry = random.pick(file.entries.filter(({ type }) => type !== KV.list));
    const now = nowOf(entry);
    entry.value = oddEntryValue(random, entry.type, now);
    return `${entry.key}: ${String(now).slice(0, 40)} becomes ${String(nowOf(entry)).slice(0, 40)}`;
  },
  'change the type'(random, file) {
    const entry = random.pick(file.entries);
    const now = nowOf(entry);
    entry.type = random.pick(TYPES);
    entry.value =
      isNumeric(entry.type) && random.chance(0.7)
        ? number(entry.type, Number(now) || 0)
        : oddEntryValue(random, entry.type, now);
    return `${entry.key}: type ${entry.type}`;
  },
  'change the type alone'(random, file) {
    const entry = random.pick(file.entries);
    entry.type = random.pick([...TYPES, 13, 255, 2 ** 31, 2 ** 32 - 1]);
    return `${entry.key}: called ${entry.type}`;
  },
  rename(random, file) {
    const entry = random.pick(file.entries);
    const old = entry.key;
    entry.key = random.chance(0.5) ? random.pick(file.entries).key : oddText(random, old);
    return `${old} is called ${entry.key.slice(0, 40)}`;
  },
  'have twice'(random, file) {
    const entry = { ...random.pick(file.entries) };
    if (random.chance(0.5)) entry.value = oddEntryValue(random, entry.type, nowOf(entry));
    file.entries.splice(random.below(file.entries.length + 1), 0, entry);
    return `${entry.key} twice`;
  },
  remove(random, file) {
    const [entry] = file.entries.splice(random.below(file.entries.length), 1);
    return `no ${entry.key}`;
  },
  add(random, file) {
    const key = random.pick(FOREIGN).replace('ARCH', architectureOf(file));
    const type = random.pick([KV.u32, KV.u32, KV.u32, KV.f32, KV.bool, KV.text, ...TYPES]);
    const entry = { key, type, value: oddEntryValue(random, type, random.below(10)) };
    file.entries.splice(random.below(file.entries.length + 1), 0, entry);
    return `${key} added, type ${type}, ${String(nowOf(entry)).slice(0, 40)}`;
  },
  'change a list'(random, file) {
    const entry = random.pick(file.entries.filter(({ type }) => type === KV.list));
    const { of, items } = elements(entry) ?? {};
    if (items === undefined) return `${entry.key} is a list of nothing already`;
    const change = random.weighted([
      [3, 'an element'],
      [2, 'fewer'],
      [2, 'more'],
      [1, 'none'],
      [1, 'another type'],
      [1, 'a false length'],
      [1, 'some elements'],
      [1, 'two the same'],
    ]);
    const odd = () => oddEntryValue(random, of, of === KV.text ? items[0]?.toString('latin1', 8) : random.below(7));
    let type = of;
    let length;
    if (change === 'an element') items[random.below(items.length)] = odd();
    else if (change === 'some elements') for (let i = 0; i < 20; i++) items[random.below(items.length)] = odd();
    else if (change === 'two the same') items[random.below(items.length)] = random.pick(items);
    else if (change === 'fewer') items.splice(random.below(items.length), random.pick([1, 1, 100, items.length]));
    else if (change === 'more') items.push(...Array.from({ length: random.pick([1, 1, 100]) }, odd));
    else if (change === 'none') items.length = 0;
    else if (change === 'another type') {
      type = random.pick([...TYPES, 13, 2 ** 31]);
      if (random.chance(0.7) && type < 13 && type !== KV.list)
        for (let i = 0; i < items.length; i++) items[i] = oddEntryValue(random, type, 1);
    } else
      length = random.pick([0, items.length - 1, items.length + 1, 2 ** 31, 2 ** 40, 2 ** 61, 2 ** 63, 2 ** 64 - 1]);
    entry.value = list(type, items, length);
    return `${entry.key}: ${change}`;
  },
  alignment(random, file) {
    const type = random.pick([KV.u32, KV.u32, KV.u32, KV.u64, KV.i32, KV.text]);
    const value = random.pick([0, 1, 3, 4, 8, 16, 32, 33, 64, 4096, 2 ** 31, 2 ** 32 - 1]);
    const stored = type === KV.text ? text(String(value)) : number(type, value);
    file.entries.push({ key: 'general.alignment', type, value: stored });
    if (random.chance(0.5) && value >= 1 && value <= 4096) {
      file.alignment = value;
      layOut(file);
    }
    return `alignment ${value}, type ${type}`;
  },
};

const pickTensor = (random, file) => random.pick(file.tensors);

const TENSORS = {
  'type in its place'(random, file) {
    const tensor = pickTensor(random, file);
    tensor.type = random.pick([...TENSOR.keys(), 4, 5, 31, 32, 33, 36, 37, 38, 43, 255, 2 ** 31, 2 ** 32 - 1]);
    return `${tensor.name}: called ${TENSOR.get(tensor.type)?.[0] ?? tensor.type}`;
  },
  type(random, file) {
    const tensor = pickTensor(random, file);
    tensor.type = random.pick([...TENSOR.keys()]);
    layOut(file);
    return `${tensor.name}: ${TENSOR.get(tensor.type)[0]}`;
  },
  'type of all of a kind'(random, file) {
    const kind = pickTensor(random, file).name.replace(/\d+/, '');
    const type = random.pick([...TENSOR.keys()]);
    for (const tensor of file.tensors) if (tensor.name.replace(/\d+/, '') === kind) tensor.type = type;
    layOut(file);
    return `${kind}: ${TENSOR.get(type)[0]}`;
  },
  shape(random, file) {
    const tensor = pickTensor(random, file);
    const { shape } = tensor;
    const i = random.below(shape.length);
    const now = shape[i];
    random.weighted([
      [2, () => shape.reverse()],
      [1, () => shape.push(random.pick([0n, 1n, 1n, 2n]))],
      [1, () => shape.pop()],
      [1, () => shape.unshift(1n)],
      [2, () => (shape[i] = random.pick([0n, 1n, 2n, now * 2n, now / 2n, now + 1n, now - 1n]))],
      [1, () => (shape[i] = random.pick([2n ** 31n, 2n ** 32n, 2n ** 40n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n]))],
      [1, () => shape.fill(2n ** 32n)],
      [
        1,
        () =>
          shape.splice(
            0,
            shape.length,
            shape.reduce((product, n) => product * n, 1n),
          ),
      ],
    ])();
    if (random.chance(0.6)) layOut(file);
    return `${tensor.name}: [${shape}]`;
  },
  dimensions(random, file) {
    const tensor = pickTensor(random, file);
    tensor.dimensions = random.pick([0, 1, 2, 3, 4, 5, 255, 2 ** 31, 2 ** 32 - 1]);
    return `${tensor.name}: ${tensor.dimensions} dimensions`;
  },
  offset(random, file) {
    const tensor = pickTensor(random, file);
    const other = pickTensor(random, file);
    const now = tensor.offset;
    tensor.offset = random.pick([
      ...[0n, 1n, now + 1n, now + 32n, now - 32n, other.offset, other.offset + 32n, BigInt(file.data.length)],
      ...[2n ** 31n, 2n ** 40n, 2n ** 63n, 2n ** 64n - 32n, 2n ** 64n - 1n],
    ]);
    return `${tensor.name}: at ${tensor.offset}`;
  },
  name(random, file) {
    const tensor = pickTensor(random, file);
    const old = tensor.name;
    const other = random.pick([
      () => oddText(random, old),
      () => pickTensor(random, file).name,
      () => old.replace(/\d+/, String(random.pick([-1, 0, 7, 99, 2 ** 32]))),
      () => old.replace('weight', 'bias'),
      () => random.pick(['rope_freqs.weight', 'output.weight', 'mm.1.weight', 'v.class_embd', 'blk.0.attn_q.bias']),
    ])();
    tensor.name = Buffer.from(other).toString('latin1');
    return `${old} is called ${tensor.name.slice(0, 40)}`;
  },
  'swap names'(random, file) {
    const [a, b] = [pickTensor(random, file), pickTensor(random, file)];
    [a.name, b.name] = [b.name, a.name];
    return `${a.name} and ${b.name} change places`;
  },
  remove(random, file) {
    const [tensor] = file.tensors.splice(random.below(file.tensors.length), 1);
    if (random.chance(0.7)) layOut(file);
    return `no ${tensor.name}`;
  },
  add(random, file) {
    const like = pickTensor(random, file);
    const name = random.pick([
      'output.weight',
      'rope_freqs.weight',
      'blk.0.attn_q.bias',
      'v.pre_ln.weight',
      `${like.name}2`,
    ]);
    file.tensors.push({ ...like, shape: [...like.shape], name });
    layOut(file);
    return `${name} added`;
  },
  'another order'(random, file) {
    file.tensors = random.shuffled(file.tensors);
    if (random.chance(0.7)) layOut(file);
    return 'tensors in another order';
  },
};

const CONTAINER = {
  magic(random, file) {
    file.magic = random.pick(['GGML', 'FUGG', 'GGUf', '\0\0\0\0', 'GGJT']);
    return `magic ${file.magic}`;
  },
  version(random, file) {
    file.version = random.pick([0, 1, 2, 4, 0x03000000, 2 ** 32 - 1]);
    return `version ${file.version}`;
  },
  'count of tensors'(random, file) {
    const n = file.tensors.length;
    file.counts = { tensors: random.pick([0, 1, n - 1, n + 1, 2 ** 31, 2 ** 40, 2 ** 63, 2 ** 64 - 1]) };
    return `${file.counts.tensors} tensors`;
  },
  'count of entries'(random, file) {
    const n = file.entries.length;
    file.counts = { entries: random.pick([0, 1, n - 1, n + 1, 2 ** 31, 2 ** 40, 2 ** 63, 2 ** 64 - 1]) };
    return `${file.counts.entries} entries`;
  },
  'data of another model'(random, file, other) {
    const { data } = other();
    file.data = random.chance(0.5) ? data : Buffer.concat([file.data.subarray(0, file.data.length / 2), data]);
    return 'the data of another model';
  },
  'entries of another model'(random, file, other) {
    const moved = random.pick(other().entries);
    const found = file.entries.findIndex(({ key }) => key === moved.key);
    if (found >= 0) file.entries[found] = moved;
    else file.entries.push(moved);
    return `${moved.key} of another model`;
  },
  'tensors of another model'(_, file, other) {
    file.tensors = other().tensors;
    return 'the tensors of another model';
  },
};

const one = (from) => (random, file, other) => {
  const name = random.pick(Object.keys(from));
  return `${name}: ${from[name](random, file, other)}`;
};

const KINDS = [
  [34, one(ENTRIES)],
  [26, one(TENSORS)],
  [18, damageWeights],
  [6, one(CONTAINER)],
];

/** Changes a GGUF file's parts. @param other gives another model's file of the same kind @returns what was done */
export function damageParts(random, file, other) {
  const what = [];
  for (let i = random.pick([1, 1, 1, 1, 2, 3]); i > 0; i--) what.push(random.weighted(KINDS)(random, file, other));
  return what.join('; ');
}

/** Changes a GGUF file's bytes, in its header more often than in its data. */
export function damageFile(random, bytes, headLength) {
  return random.chance(0.75) ? damageBytes(random, bytes, 0, headLength) : damageBytes(random, bytes);
}
