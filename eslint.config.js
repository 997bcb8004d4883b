import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** One room per capability: these are the rooms; a room is entered from outside only through its index. */
const capabilities = [
  ...["trust", "admission", "isolation", "access", "reach"],
  ...["serving", "traffic", "health", "governance", "formats", "actions", "notify"],
];

const fences = capabilities.map((room) => ({
  group: [`**/${room}/*`, `!**/${room}/index.ts`],
  message: `Import from ${room}/index.ts: a capability is used only through its index.`,
}));

export default tseslint.config(
  { ignores: ["build/", "node_modules/", "coverage/", "tools/"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ["eslint.config.js"] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // client-node's models are classes without behaviour.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "no-restricted-syntax": [
        "error",
        { selector: "ExportDefaultDeclaration", message: "Use named exports." },
        { selector: "TSEnumDeclaration", message: "Use a union of string literals." },
      ],
      "max-params": ["error", 4],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      eqeqeq: "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "no-console": "error",
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "Use src/egress: every outgoing request is checked there." },
      ],
    },
  },
  {
    files: ["src/kube/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["../*"], message: "kube/ knows nothing of machine learning." }] },
      ],
    },
  },
  ...capabilities.map((room) => ({
    files: [`src/${room}/**/*.ts`],
    rules: {
      "no-restricted-imports": ["error", { patterns: fences.filter((fence) => !fence.group[0].includes(`/${room}/`)) }],
    },
  })),
  {
    files: ["src/main.ts", "src/operator/**/*.ts", "src/api/**/*.ts", "src/egress/**/*.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: fences }] },
  },
  {
    files: ["test/**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": "error" },
  },
  {
    files: ["eslint.config.js"],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { "no-restricted-syntax": "off" },
  },
);
