// The HTTP API's description (OpenAPI 3.1) as Markdown, for docs/reference/http-api.md. Pure.

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content & { readonly description: string }>>;
}

export interface ApiDescription {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export function apiPart({ paths, components }: ApiDescription): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const rows = operations.map(
    ({ path, method, operation }) =>
      `| [\`${method} ${path}\`](#${anchor(`${method} ${path}`)}) | ${operation.summary ?? ''} |`,
  );
  return [
    ['| request | what it does |', '|---|---|', ...rows].join('\n'),
    '## Requests',
    ...operations.map(({ path, method, operation }) => operationSection(`${method} ${path}`, operation)),
    '## Objects',
    ...Object.entries(components.schemas).map(([name, schema]) => objectSection(name, schema)),
  ].join('\n\n');
}

/** As GitHub makes it of a heading. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');
}

function operationSection(title: string, operation: Operation): string {
  const parts = [`### ${title}`, sentence(operation.summary ?? '')];
  if (operation.description !== undefined) parts.push(operation.description);
  const parameters = operation.parameters ?? [];
  if (parameters.length > 0) {
    parts.push(
      ['| parameter | in | type | meaning |', '|---|---|---|---|', ...parameters.map(parameterRow)].join(
        '\n',
      ),
    );
  }
  const body = schemaOf(operation.requestBody);
  if (body !== null) parts.push(`Body: ${typeOf(body)}.`);
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status === 'default') continue;
    const schema = schemaOf(response);
    parts.push(`Answer ${status}: ${schema === null ? 'no body' : typeOf(schema)}. ${response.description}`);
  }
  return parts.join('\n\n');
}

function parameterRow({ name, in: place, required, schema }: Parameter): string {
  const presence = required === true ? place : `${place}, optional`;
  // A parameter is text, so it cannot be null, whatever its schema says.
  return `| \`${name}\` | ${presence} | ${typeOf(schema).replace(' or null', '')} | ${meaningOf(schema)} |`;
}

function objectSection(name: string, schema: Schema): string {
  const parts = [`### ${name}`];
  if (schema.description !== undefined) parts.push(schema.description);
  parts.push(['| field | type | meaning |', '|---|---|---|', ...fieldRows(schema, '')].join('\n'));
  return parts.join('\n\n');
}

/** Fields of objects without a name stand behind their own: `connectMs.p50`. */
function fieldRows(schema: Schema, prefix: string): string[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const optional = required.has(name) ? '' : ', optional';
    const row = `| \`${prefix}${name}\` | ${typeOf(field)}${optional} | ${meaningOf(field)} |`;
    const inner = field.items ?? field;
    // All causes of failures are numbers; failures.md has their names.
    if (inner.properties === undefined || Object.keys(inner.properties).length > 12) return [row];
    return [row, ...fieldRows(inner, `${prefix}${name}${field.items === undefined ? '.' : '[].'}`)];
  });
}

function schemaOf(place: Content | undefined): Schema | null {
  return Object.values(place?.content ?? {})[0]?.schema ?? null;
}

function meaningOf(schema: Schema): string {
  const parts = [schema.description ?? ''];
  if (schema.default !== undefined) parts.push(`Default: \`${JSON.stringify(schema.default)}\`.`);
  return parts.filter((part) => part !== '').join(' ');
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1)!;
    return `[${name}](#${anchor(name)})`;
  }
  const several = schema.anyOf ?? schema.allOf;
  if (several !== undefined) return several.map(typeOf).join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  return types.map((type) => oneType(type, schema)).join(' or ');
}

function oneType(type: string, schema: Schema): string {
  if (type === 'array') return `array of ${schema.items === undefined ? 'anything' : typeOf(schema.items)}`;
  if (type === 'string' && schema.format === 'date-time') return 'time';
  return type;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
