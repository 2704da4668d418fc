// node onPlatform.ts PLATFORM WORD…: restunnel, told that it runs on that platform. In a process of its own.

// Native code is loaded as what it is.
import '../../../src/cli/commands/service.ts';
import { buildProgram } from '../../../src/cli/program/buildProgram.ts';

const [, , platform, ...words] = process.argv;
Object.defineProperty(process, 'platform', { value: platform });
const program = buildProgram({ starting: () => {}, ended: () => {} });
try {
  await program.parseAsync(words, { from: 'user' });
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
