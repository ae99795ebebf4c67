// Bills of materials (CycloneDX): of what a package contains, and of what npm installs with it, as the lock file has that.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Fetched for a release alone. npm's own `npm sbom` leaves out packages that development needs too. */
const TOOL = '@cyclonedx/cyclonedx-npm@6.0.1';

/**
 * @param manifest of the package
 * @param parts that it contains, of scripts/notices.mjs
 */
export function sbom(manifest, parts = []) {
  const { dependencies = {} } = manifest;
  const bom = Object.keys(dependencies).length > 0 ? dependenciesOf(manifest) : { ...empty(manifest), components: [] };
  bom.components.push(...parts.map(contained));
  // The same from the same: a number of its contents in place of a random one, and no time.
  delete bom.metadata.timestamp;
  const hash = createHash('sha256').update(JSON.stringify(bom)).digest('hex');
  const uuid = hash.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-5$3-8$4-$5');
  return { ...bom, serialNumber: `urn:uuid:${uuid}` };
}

function empty({ name, version, license }) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const component = { type: 'library', name, version, 'bom-ref': purl, purl, licenses: [{ license: { id: license } }] };
  return { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component } };
}

function contained({ name, license, version }) {
  const known = /^[\w.-]+$/.test(license) && !license.startsWith('LicenseRef');
  return {
    type: 'library',
    name,
    'bom-ref': `contained|${name}`,
    ...(version ? { version } : {}),
    licenses: [known ? { license: { id: license } } : { expression: license }],
  };
}

/** In a folder with this package alone: the tool follows no workspaces that are the root itself. */
function dependenciesOf({ name, version, license, dependencies }) {
  const { 'node-paligemma': _, ...fetched } = dependencies;
  const lock = JSON.parse(fs.readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'));
  const project = { name, version, license, dependencies: fetched };
  const entries = Object.entries(lock.packages).filter(([place, { link }]) => place !== '' && place !== 'cli' && !link);
  const ofCommands = /^cli\/(?=node_modules\/)/; // what npm could not hoist out of the workspace
  const hoisted = entries.filter(([place]) => !ofCommands.test(place));
  const own = name === 'paligemma' ? entries.filter(([place]) => ofCommands.test(place)) : [];
  const packages = [...hoisted, ...own.map(([place, entry]) => [place.replace(ofCommands, ''), entry])];
  lock.packages = { '': project, ...Object.fromEntries(packages) };
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-sbom-'));
  try {
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(project));
    fs.writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify({ ...lock, name, version }));
    const args = ['exec', '--yes', `--package=${TOOL}`, '--', 'cyclonedx-npm', '--omit', 'dev', '--package-lock-only'];
    const how = ['--output-reproducible', '--mc-type', 'library', '--output-file', 'sbom.json'];
    execFileSync('npm', [...args, ...how], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
    return JSON.parse(fs.readFileSync(path.join(folder, 'sbom.json'), 'utf8'));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
