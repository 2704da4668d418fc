// The version in package.json.

import { readFileSync } from 'node:fs';
import { packageFile } from './programFiles.ts';

export function version(): string {
  const text = readFileSync(packageFile(), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
