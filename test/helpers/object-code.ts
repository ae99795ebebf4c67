// What compiled code surely does before an instruction: as much of an x86-64 interpreter as constants need.
import { execFileSync } from 'node:child_process';

interface Instruction {
  address: string;
  name: string;
  operands: string[];
  /** Where it jumps to, or the constant that it reads. */
  refers?: string;
}

/** A byte, or undefined: anything. */
type Bytes = (number | undefined)[];

const SIZES: Record<string, number> = { BYTE: 1, WORD: 2, DWORD: 4, QWORD: 8, XMMWORD: 16, YMMWORD: 32, ZMMWORD: 64 };
const WIDEST = 64;

const objdump = (...args: string[]): string => execFileSync('objdump', args, { encoding: 'utf8', maxBuffer: 1 << 28 });

/** The instructions of each function. */
function disassemble(library: string): Instruction[][] {
  const code = objdump('-d', '-M', 'intel', '--no-show-raw-insn', library);
  return code.split(/\n\n/).map((part) =>
    [...part.matchAll(/^ *([0-9a-f]+):\t(\S+) *([^#<\n]*)(?:[#<][^\n]*)?$/gm)].map(
      ([line, address, name, operands]) => ({
        address: address as string,
        name: name as string,
        operands: (operands as string).trim().split(','),
        refers: line.match(/(?:# |^.*\tj\w+ +)([0-9a-f]+)/)?.[1],
      }),
    ),
  );
}

/** The way into `end` as far back as there is but one; jumps through tables are not seen. */
function wayTo(end: number, code: Instruction[]): Instruction[] {
  const way: Instruction[] = [];
  for (let at = end; ; ) {
    const { address } = code[at] as Instruction;
    const sources = code.flatMap(({ name, refers }, i) => (name.startsWith('j') && refers === address ? [i] : []));
    if (at > 0 && !/^(jmp|notrack|ret|ud2)/.test((code[at - 1] as Instruction).name)) sources.push(at - 1);
    const [only] = sources;
    if (only === undefined || sources.length > 1 || only >= at) return way.reverse();
    way.push(code[only] as Instruction);
    at = only;
  }
}

/** One name for all widths of a register. */
function register(name: string): string {
  const vector = name.match(/^[xyz](mm\d+)$/)?.[1];
  const numbered = name.match(/^(r\d+)[dwb]?$/)?.[1];
  return (
    vector ??
    numbered ??
    name
      .replace(/^[re]/, '')
      .replace(/^([abcd])[lx]$/, '$1x')
      .replace(/^(..)l$/, '$1')
  );
}

function constant(library: string, address: string, size: number): Bytes {
  const start = Number.parseInt(address, 16);
  const dump = objdump('-s', `--start-address=${start}`, `--stop-address=${start + size}`, library);
  const hex = [...dump.matchAll(/^ [0-9a-f]+ ((?:[0-9a-f]{2,8} ){1,4})/gm)].map((match) => match[1]).join('');
  return [...Buffer.from(hex.replaceAll(' ', ''), 'hex')];
}

function integer(text: string): Bytes {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(text));
  return [...bytes];
}

const padded = (bytes: Bytes): Bytes => [...bytes, ...Array<number>(WIDEST - bytes.length).fill(0)];

/**
 * What memory holds when the library's only instruction of that name reads `size` bytes of it.
 *
 * @returns undefined for a byte that need not have been stored, or not as a constant
 */
export function memoryReadBy(instruction: string, size: number, library: string): Bytes {
  const found = disassemble(library).flatMap((code) =>
    code.flatMap(({ name }, at) => (name === instruction ? [{ code, at }] : [])),
  );
  if (found.length !== 1) throw new Error(`${found.length} of ${instruction}, where one was expected`);
  const { code, at } = found[0] as { code: Instruction[]; at: number };
  const [operand = ''] = (code[at] as Instruction).operands;
  const [, base, offset = '0'] = operand.match(/\[(\w+)(?:\+(\w+))?\]/) ?? [];
  if (!base) throw new Error(`${instruction} ${operand}: an address that is not understood`);

  const memory: Bytes = Array(size).fill(undefined);
  const registers = new Map<string, Bytes>();
  for (const { name, operands, refers } of wayTo(at, code)) {
    const [target = '', ...sources] = operands;
    const [source = ''] = sources;
    const width = SIZES[operands.join().match(/(\w+) PTR/)?.[1] ?? ''] ?? 0;
    const moves = /^v?mov/.test(name);
    const value = /^-?0x/.test(source)
      ? integer(source)
      : moves && source.includes('[rip') && refers
        ? padded(constant(library, refers, width))
        : registers.get(register(source));
    const stored = target.match(/\[(\w+)(?:\+(0x\w+))?\]/);
    if (target.includes('[')) {
      if (stored?.[1] !== base || /^(cmp|test)/.test(name)) continue;
      const first = Number(stored?.[2] ?? 0) - Number(offset);
      for (let i = 0; i < width; i++)
        if (first + i >= 0 && first + i < size) memory[first + i] = moves ? value?.[i] : undefined;
    } else if (name === 'call') {
      registers.clear();
    } else if (/^v?p?xor/.test(name) && sources.every((other) => register(other) === register(sources[0] ?? target))) {
      registers.set(register(target), padded([]));
    } else if (moves && value) {
      registers.set(register(target), value);
    } else {
      if (register(target) === register(base) && !/^(cmp|test)/.test(name)) memory.fill(undefined);
      registers.delete(register(target));
    }
  }
  return memory;
}
