// Writes test/tunnel/wire-transcript.json: one session with fixed keys, byte for byte, for whoever implements the protocol.

import { writeFileSync } from 'node:fs';
import { makeTranscript } from '../test/tunnel/transcript.ts';

const file = new URL('../test/tunnel/wire-transcript.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(makeTranscript(), null, 2)}\n`);
