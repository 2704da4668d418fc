export const PROGRAM: 'dist/program';
export const SIGNATURE: string;
export function entryOf(root: string, environment?: NodeJS.ProcessEnv): { path: string; isSource: boolean };
export function signatureOf(root: string): string;
