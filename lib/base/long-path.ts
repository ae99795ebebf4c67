import path from 'node:path';

/** Windows' MAX_PATH with the zero at its end: paths from here on only its own form `\\?\C:\...` names for every program. */
const LONG = 260;
const onWindows = process.platform === 'win32';

/** Whether C and C++ libraries cannot open what Node can: never elsewhere than on Windows. */
export const isLongPath = (file: string, windows = onWindows): boolean =>
  windows && path.win32.resolve(file).length >= LONG;

/** The path in a form that C and C++ libraries open too. */
export const forNative = (file: string, windows = onWindows): string =>
  isLongPath(file, windows) ? path.win32.toNamespacedPath(file) : file;
