// Values that programs stumble over.

export const NUMBERS = [
  0,
  -0,
  1,
  -1,
  2,
  3,
  7,
  16,
  255,
  256,
  65_535,
  65_536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  2 ** 62,
  2 ** 63,
  -(2 ** 63),
  2 ** 64 - 1,
  0.5,
  -0.5,
  1e-6,
  1e-38,
  1e-45,
  1e-300,
  1e30,
  3.5e38,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** A number from the list, or one near what was there. */
export function oddNumber(random, now = 0) {
  const near = [
    now + 1,
    now - 1,
    now * 2,
    now / 2,
    now * 3,
    now * 1024,
    -now,
    now + 0.5,
    now ^ (1 << random.below(31)),
  ];
  return random.chance(0.4) ? random.pick(near) : random.pick(NUMBERS);
}

export function oddText(random, now = '') {
  return random.pick([
    () => '',
    () => ' ',
    () => '\0',
    () => `${now}\0`,
    () => `${now}x`,
    () => now.slice(1),
    () => now.toUpperCase(),
    () => '\ufeff',
    () => '\ud800',
    () => '\u202e\u0301\u2581',
    () => 'a'.repeat(random.pick([64, 65, 1000, 70_000])),
    () => '../../../../etc/passwd',
    () => '/dev/zero',
    () => '%s%n%p{}',
    () => '__proto__',
    () => 'constructor',
    () => String(oddNumber(random)),
  ])();
}
