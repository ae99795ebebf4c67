// What building the addon needs, and how to get what is missing.
import { execFileSync, spawnSync } from 'node:child_process';
import process from 'node:process';

const INSTALL = {
  linux: {
    cmake: 'sudo apt-get install cmake',
    compiler: 'sudo apt-get install build-essential',
    git: 'sudo apt-get install git',
  },
  darwin: { cmake: 'brew install cmake', compiler: 'xcode-select --install', git: 'xcode-select --install' },
  win32: {
    cmake: 'winget install Kitware.CMake',
    compiler:
      'winget install Microsoft.VisualStudio.2022.BuildTools --override "--add Microsoft.VisualStudio.Workload.VCTools"',
    git: 'winget install Git.Git',
  },
};

export class ToolchainError extends Error {}

const works = (command, args = ['--version']) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

function version(command) {
  return execFileSync(command, ['--version'], { encoding: 'utf8' }).match(/\d+(\.\d+)+/)?.[0] ?? '0';
}

/** Throws a ToolchainError that names all that is missing with the command that installs it. */
export function checkToolchain({ fetch = true } = {}) {
  const install = INSTALL[process.platform] ?? INSTALL.linux;
  const missing = [];
  if (!works('cmake')) missing.push(`cmake (3.18 or newer): ${install.cmake}`);
  else if (olderThan(version('cmake'), [3, 18]))
    missing.push(`cmake 3.18 or newer, found ${version('cmake')}: ${install.cmake}`);
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean);
  if (process.platform !== 'win32' && !compilers.some((compiler) => works(compiler)))
    missing.push(`a C++17 compiler: ${install.compiler}`);
  if (!works('ninja') && process.platform === 'linux' && !works('make'))
    missing.push(`make or ninja: ${install.compiler}`);
  if (fetch && !works('git')) missing.push(`git (to unpack llama.cpp): ${install.git}`);
  if (missing.length > 0)
    throw new ToolchainError(
      `The native addon cannot be built without\n${missing.map((line) => `  - ${line}`).join('\n')}`,
    );
}

function olderThan(found, [major, minor]) {
  const [a, b] = found.split('.').map(Number);
  return a < major || (a === major && b < minor);
}
