// How tests and benches start the Java core on a desktop's JVM: with a phone's cipher, and as much heap as a phone is asked for.

import { fileURLToPath } from 'node:url';

const jar = (path: string) => fileURLToPath(new URL(`../core/target/${path}`, import.meta.url));

/** The JDK 17's own ChaCha20-Poly1305 is plain Java; a phone's is Conscrypt's. */
export const PHONE_CIPHER = jar('phone/conscrypt-openjdk-uber.jar');

const MAIN = 'io.restunnel.node.desktop.Main';

/** For RESTUNNEL_TEST_NODE. */
export function coreCommand({ cipher = PHONE_CIPHER }: { readonly cipher?: string | null } = {}): string {
  const classPath = [jar('core.jar'), ...(cipher === null ? [] : [cipher])].join(':');
  return ['java', '-Xmx60m', '-XX:+UseSerialGC', '-cp', classPath, MAIN].join(' ');
}
