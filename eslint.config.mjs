import js from '@eslint/js';
import ts from 'typescript-eslint';

/** The folders of Usher, and which of them each may import (see docs/architecture.md). */
const arrows = {
  domain: [],
  i18n: ['domain'],
  db: ['domain'],
  config: ['domain'],
  workflows: ['domain', 'activities'],
  relay: ['db', 'domain', 'workflows'],
  activities: ['db', 'domain', 'i18n', 'workflows'],
  api: ['db', 'domain', 'i18n', 'relay', 'workflows'],
};
const folders = [...Object.keys(arrows), 'scripts', 'test', 'bench'];

const arrowRules = Object.entries(arrows).map(([folder, allowed]) => ({
  files: [`${folder}/**/*.ts`],
  ignores: ['api/server.ts', 'activities/worker.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(${folders.filter((name) => name !== folder && !allowed.includes(name)).join('|')})(/|$)`,
            message: `${folder}/ may import ${allowed.length ? allowed.join(', ') : 'nothing of ours'} only.`,
          },
          ...(folder === 'workflows'
            ? [
                { regex: '/activities/', allowTypeImports: true, message: 'Workflows know activities by type only.' },
                {
                  regex: '^(node:|fs|path|crypto|luxon|os|net|http|https)',
                  message: 'Workflow code is deterministic: no Node built-ins, no calendar library.',
                },
              ]
            : []),
          ...(['api', 'relay'].includes(folder)
            ? []
            : [
                {
                  regex: '^@temporalio/client',
                  message: 'The Temporal client belongs to api/, relay/ and composition roots.',
                },
              ]),
        ],
      },
    ],
  },
}));

export default ts.config(
  { ignores: ['dist/**', 'dist.*/**', 'node_modules/**', '.usher/**', 'coverage/**', 'api/public/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...ts.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': 'off',
      eqeqeq: 'error',
      // Objection's query builders are thenable: handing one back from a callback is no forgotten promise.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
    },
  },
  {
    files: ['**/*.mjs', 'test/support/*.js'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', URL: 'readonly', module: 'writable', require: 'readonly' },
    },
  },
  ...arrowRules,
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
);
