import type { CodegenConfig } from "@graphql-codegen/cli";

const text = ["Cursor", "Date", "DateTime", "Decimal", "Duration", "TimeZone"];
const config = {
  strictScalars: true,
  useTypeImports: true,
  scalars: {
    ...Object.fromEntries(text.map((scalar) => [scalar, "string"])),
    JSON: "unknown",
    Point: '{ type: "Point"; coordinates: [longitude: number, latitude: number] }',
    Polygon: '{ type: "Polygon"; coordinates: [longitude: number, latitude: number][][] }',
    _Any: "{ __typename: string; [field: string]: unknown }",
  },
};

export default {
  schema: "schema.graphql",
  config,
  generates: {
    "src/gql/": { preset: "client", documents: "src/apollo/*.ts" },
    "src/schema.ts": { plugins: ["typescript"] },
    "src/urql/schema.ts": { plugins: ["urql-introspection"] },
    "src/operations.ts": {
      documents: "operations/*.graphql",
      plugins: ["typescript-operations", "typed-document-node"],
    },
  },
} satisfies CodegenConfig;
