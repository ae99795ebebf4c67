// What building the addon needs, and how to get what is missing.
import { execFileSync, spawnSync } from 'node:child_process';
import process from 'node:process';

/** Commands that install what is missing, by who installs: a package manager of Linux, or the system. */
const INSTALL = {
  'apt-get': {
    cmake: 'apt-get install cmake',
    compiler: 'apt-get install build-essential',
    git: 'apt-get install git',
    npm: 'apt-get install npm',
  },
  apk: { cmake: 'apk add cmake', compiler: 'apk add build-base', git: 'apk add git', npm: 'apk add npm' },
  dnf: {
    cmake: 'dnf install cmake',
    compiler: 'dnf install gcc-c++ make',
    git: 'dnf install git',
    npm: 'dnf install npm',
  },
  darwin: {
    cmake: 'brew install cmake',
    compiler: 'xcode-select --install',
    git: 'xcode-select --install',
    npm: 'brew install node',
  },
  win32: {
    cmake: 'winget install Kitware.CMake',
    compiler:
      'winget install Microsoft.VisualStudio.2022.BuildTools --override "--add Microsoft.VisualStudio.Workload.VCTools"',
    git: 'winget install Git.Git',
    npm: 'winget install OpenJS.NodeJS',
  },
};

export class ToolchainError extends Error {}

const works = (command, options = {}) =>
  spawnSync(command, ['--version'], { stdio: 'ignore', ...options }).status === 0;

/** How this machine installs each tool. */
function installer() {
  const { [process.platform]: ofSystem } = INSTALL;
  if (ofSystem) return ofSystem;
  const name = ['apt-get', 'apk', 'dnf'].find((command) => works(command));
  if (!name) return {};
  const sudo = process.getuid() === 0 ? '' : 'sudo ';
  return Object.fromEntries(Object.entries(INSTALL[name]).map(([tool, command]) => [tool, sudo + command]));
}

function version(command) {
  return execFileSync(command, ['--version'], { encoding: 'utf8' }).match(/\d+(\.\d+)+/)?.[0] ?? '0';
}

/** Throws a ToolchainError that names all that is missing with the command that installs it. */
export function checkToolchain({ fetch = true } = {}) {
  const install = installer();
  const missing = [];
  const need = (what, tool) => missing.push(`${what}${install[tool] ? `: ${install[tool]}` : ''}`);
  if (!works('cmake')) need('cmake (3.18 or newer)', 'cmake');
  else if (olderThan(version('cmake'), [3, 18])) need(`cmake 3.18 or newer, found ${version('cmake')}`, 'cmake');
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean);
  if (process.platform !== 'win32' && !compilers.some((compiler) => works(compiler)))
    need('a C++17 compiler', 'compiler');
  if (process.platform === 'linux' && !works('ninja') && !works('make')) need('make or ninja', 'compiler');
  if (fetch && !works('npm', { shell: process.platform === 'win32' })) need('npm (to fetch llama.cpp)', 'npm');
  if (fetch && !works('git')) need('git (to unpack llama.cpp)', 'git');
  if (missing.length > 0)
    throw new ToolchainError(
      `The native addon cannot be built without\n${missing.map((line) => `  - ${line}`).join('\n')}`,
    );
}

function olderThan(found, [major, minor]) {
  const [a, b] = found.split('.').map(Number);
  return a < major || (a === major && b < minor);
}
