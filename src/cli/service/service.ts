// What a service is, whoever runs it: which side, as whom, with which words. The service managers' files are made from it.

export const ROLES = ['hub', 'node'] as const;
export type Role = (typeof ROLES)[number];

export interface Service {
  readonly role: Role;
  /** The machine's own, started at boot; else the user's. */
  readonly isSystem: boolean;
  /** Program and arguments up to the role: one word for the one file, Node and a script otherwise. Absolute paths. */
  readonly program: readonly string[];
  /** The role's options, without --data-dir. */
  readonly options: readonly string[];
  readonly dataDir: string;
}

/** The user that a system's services run as where the machine makes one for them. */
export const SERVICE_USER = 'restunnel';

export function commandLine({ program, role, dataDir, options }: Service): string[] {
  return [...program, role, '--data-dir', dataDir, ...options];
}
