// mysql2 for Node.js: what ../../drivers.py asks of a driver.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import mysql from 'mysql2/promise';

const PATIENCE_MS = 30_000;
const POLL_MS = 20;

const told = (name) => process.env[`MOORING_TEST_${name}`];
const lines = (file) =>
  readFileSync(`${told('FOLDER')}/${file}`, 'utf8').trimEnd().split('\n').map((line) => line.split('\t'));
const escaped = (text) =>
  String(text).replace(/[\\\t\n\r]/g, (c) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[c]);

const open = (password = told('PASSWORD'), database = undefined) =>
  mysql.createConnection({
    host: told('HOST'),
    port: Number(told('PORT')),
    user: told('USER'),
    password,
    database,
    ssl: told('TLS') === 'yes' ? { rejectUnauthorized: false } : undefined,
    compress: told('COMPRESS') === 'yes',
    // Exact: not as the number or the Date of JavaScript that is nearest.
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
  });

async function using(connection, body) {
  const opened = await connection;
  try {
    return await body(opened);
  } finally {
    opened.destroy();
  }
}

async function expectError(number, body) {
  await assert.rejects(body, (error) => {
    assert.equal(error.errno, number, error.message);
    return true;
  });
}

function shown(value) {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value);
}

async function value(connection, sql, prepared) {
  const options = { sql, rowsAsArray: true };
  const [rows, fields] = await (prepared ? connection.execute(options) : connection.query(options));
  assert.equal(rows.length, 1);
  const [field] = fields;
  const found = rows[0][0];
  return {
    value: shown(found),
    class: found === null ? 'null' : found.constructor.name,
    type: field.columnType,
    length: field.columnLength,
    charset: field.characterSet,
    decimals: field.decimals,
    flags: `0x${Number(field.flags).toString(16).padStart(4, '0')}`,
  };
}

async function awaitRunning(wanted) {
  await using(open(), async (connection) => {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const [rows] = await connection.query('SHOW FULL PROCESSLIST');
      if (rows.some((row) => String(row.Info).includes(told('MARKER'))) === wanted) return;
      assert(Date.now() < deadline, `still ${wanted ? 'not ' : ''}in the process list: ${JSON.stringify(rows)}`);
      await pause(POLL_MS);
    }
  });
}

async function stillAnswers(connection) {
  const [rows] = await connection.query({ sql: 'SELECT 7', rowsAsArray: true });
  assert.equal(String(rows), '7');
}

const CHECKS = {
  'right password': async () => {
    for (let login = 0; login < 2; login += 1) await using(open(), stillAnswers);
  },
  'wrong password': async () => {
    for (const password of ['wrong', '']) await expectError(1045, () => open(password));
  },
  'current database': () =>
    using(open(told('PASSWORD'), told('DATABASE')), async (connection) => {
      const [rows] = await connection.query({ sql: 'SELECT DATABASE()', rowsAsArray: true });
      assert.deepEqual(rows, [[told('DATABASE')]]);
    }),
  types: () =>
    using(open(), async (connection) => {
      for (const prepared of [false, true]) {
        for (const [name, sql] of lines('cases.tsv')) {
          const facets = await value(connection, sql, prepared).catch((error) => ({ error: error.message }));
          const parts = Object.entries(facets).map(([facet, text]) => `${facet}=${escaped(text)}`);
          console.log(['value', prepared ? 'binary' : 'text', name, ...parts].join('\t'));
        }
      }
    }),
  'five executions': () =>
    using(open(), async (connection) => {
      const statement = await connection.prepare(told('PREPARED'));
      for (const row of lines('parameters.tsv')) {
        const wanted = row.map((text) => (text === '\\N' ? null : text));
        const [rows] = await statement.execute([wanted[0] === null ? null : Number(wanted[0]), ...wanted.slice(1)]);
        assert.deepEqual(Object.values(rows[0]).map((v) => (v === null ? null : String(v))), wanted);
      }
      await statement.close();
    }),
  'time limit': () =>
    using(open(), async (connection) => {
      await connection.query(told('LIMIT'));
      await expectError(Number(told('LIMIT_ERROR')), () => connection.query(told('LONG')));
      await awaitRunning(false);
      await stillAnswers(connection);
    }),
  cancel: () =>
    using(open(), async (connection) => {
      const interrupted = expectError(1317, () => connection.query(told('LONG')));
      await awaitRunning(true);
      await using(open(), (other) => other.query(`KILL QUERY ${connection.threadId}`));
      await interrupted;
      await awaitRunning(false);
      await stillAnswers(connection);
    }),
};

for (const [name, body] of Object.entries(CHECKS)) {
  try {
    await body();
    console.log(`ok\t${name}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`failed\t${name}\t${escaped(error.message)}`);
  }
}
