// Prisma Client 7 with its adapter for pg: reads a command a line, answers each with a line, as the Python clients do.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

import { PrismaPg } from "@prisma/adapter-pg";

import { PrismaClient } from "./generated/client.ts";

const CONNECTIONS = 10;
const LIMIT = 20;
const PAGES = 4;
const TOGETHER = 50;
const PRIME = 7919;
const ADDRESSES = 10_000;
const ENDPOINT = "benchmark";
const HITS = 1_000_000;
const DAY = 86_400_000;
const MINUTE = 60_000;

let prisma: PrismaClient;
let users = 0;
let checks = 0;
let plex = 0;
let depth = "0";
let positions: Record<string, [string, string][]> = {};

const order = [{ createdAt: "desc" as const }, { id: "desc" as const }];
const numberOf = (call: number) => (call * PRIME) % users;
const userId = (call: number) => `00000000-0000-7000-8000-${String(numberOf(call)).padStart(12, "0")}`;
const pageOf = (call: number) => (call % PAGES) + 1;
const hash = (call: number) => createHash("sha256").update(`token-${numberOf(call)}`).digest("hex");

async function page(call: number) {
  const where = { userId: userId(call) };
  const [data, total] = await prisma.$transaction([
    prisma.mediaRequest.findMany({ where, orderBy: order, take: LIMIT, skip: (pageOf(call) - 1) * LIMIT }),
    prisma.mediaRequest.count({ where }),
  ]);
  return { data, total };
}

function cursor(call: number) {
  const places = positions[depth];
  const [, id] = places[call % places.length];
  return prisma.mediaRequest.findMany({ cursor: { id }, skip: 1, take: LIMIT, orderBy: order });
}

function find(call: number) {
  return prisma.user.findUnique({ where: { plexId: `plex-${numberOf(call)}` } });
}

async function hit(ipAddress: string) {
  const windowStart = new Date(Math.floor(Date.now() / DAY) * DAY);
  const counter = await prisma.rateLimit.upsert({
    where: { ipAddress_endpoint_windowStart: { ipAddress, endpoint: ENDPOINT, windowStart } },
    create: { ipAddress, endpoint: ENDPOINT, windowStart, requestCount: 1 },
    update: { requestCount: { increment: 1 } },
  });
  return HITS - counter.requestCount;
}

async function verify(call: number, touchAfter: number) {
  const session = await prisma.sessionToken.findUnique({ where: { tokenHash: hash(call) }, include: { user: true } });
  const now = new Date();
  if (!session || session.expiresAt <= now || session.rotatedAt || session.user.status !== "active") return null;
  if (now.getTime() - (session.lastUsedAt?.getTime() ?? 0) > touchAfter) {
    await prisma.sessionToken.update({ where: { id: session.id }, data: { lastUsedAt: now } });
  }
  return session;
}

const operations: Record<string, (call: number) => Promise<unknown>> = {
  page,
  async page_json(call) {
    const { data, total } = await page(call);
    const pagination = { page: pageOf(call), limit: LIMIT, total, totalPages: Math.ceil(total / LIMIT) };
    return JSON.stringify({ data, pagination });
  },
  cursor,
  async cursor_json(call) {
    return JSON.stringify({ data: await cursor(call) });
  },
  find,
  find_together(call) {
    return Promise.all(Array.from({ length: TOGETHER }, (_, place) => find(call * TOGETHER + place)));
  },
  hit(call) {
    const number = (call * PRIME) % ADDRESSES;
    return hit(`10.0.${Math.floor(number / 256)}.${number % 256}`);
  },
  hit_hot: () => hit("10.1.0.0"),
  verify: (call) => verify(call, MINUTE),
  verify_noting: (call) => verify(call, -1),
  async claim() {
    // Prisma has no SKIP LOCKED: its documentation sends one to raw SQL.
    const rows = await prisma.$queryRaw<Record<string, unknown>[]>`
      UPDATE youtube_downloads SET
        status = 'downloading', attempts = attempts + 1, worker_id = 'benchmark',
        lease_expires_at = now() + interval '5 minutes', progress = 0, started_at = now()
      WHERE id = (
        SELECT id FROM youtube_downloads WHERE status = 'queued' AND scheduled_at <= now()
        ORDER BY priority DESC, scheduled_at, created_at LIMIT 1 FOR UPDATE SKIP LOCKED
      )
      RETURNING *`;
    return rows[0];
  },
  async record_checks() {
    const data = Array.from({ length: checks }, (_, number) => ({
      serviceId: plex,
      status: "up",
      responseTimeMs: number % 500,
      checkedAt: new Date(Date.UTC(2030, 0, 1) + 1000 * number),
    }));
    return (await prisma.serviceStatusHistory.createMany({ data })).count;
  },
};

const userColumns = ["id", "plexId", "plexUsername", "email", "role", "createdAt", "lastLoginAt", "status"];
const chosen = (row: any, prefix = "") => Object.fromEntries(userColumns.map((name) => [prefix + name, row[name]]));
const session = (answer: any) => ({ id: answer.id, user: chosen(answer.user, "user.") });

const plain: Record<string, (answer: any) => unknown> = {
  page: ({ data, total }) => ({ rows: data, total }),
  page_json: (answer) => JSON.parse(answer),
  cursor_json: (answer) => JSON.parse(answer).data,
  find: (answer) => chosen(answer),
  find_together: (answers) => answers.map((answer: any) => chosen(answer)),
  verify: session,
  verify_noting: session,
  claim: (answer) => answer.playlist_url,
};

async function measure(message: any) {
  const call = operations[message.operation];
  const latencies: number[] = [];
  let next = message.first;
  const end = message.most === null ? Infinity : message.first + message.most;
  const started = performance.now();
  const deadline = started + 1000 * message.seconds;
  async function work() {
    while (next < end) {
      const begun = performance.now();
      await call(next++);
      const ended = performance.now();
      latencies.push((ended - begun) / 1000);
      if (ended >= deadline) return;
    }
  }
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: message.at_once }, work));
  const used = process.cpuUsage(before);
  return { cpu: (used.user + used.system) / 1e6, seconds: (performance.now() - started) / 1000, latencies };
}

// As `Client.report` does: the sessions of all connections publish their statistics.
async function report() {
  for (let attempt = 0; attempt < 20; attempt++) {
    const query = (_: unknown, number: number) => prisma.$queryRaw<{ pid: number }[]>`
      SELECT pg_backend_pid() AS pid FROM pg_stat_force_next_flush(), pg_sleep(${0.03 - 0.001 * number}::float8)`;
    const found = await Promise.all(Array.from({ length: CONNECTIONS }, query));
    const sessions = new Set(found.map(([{ pid }]) => pid));
    if (sessions.size === CONNECTIONS) return [...sessions];
  }
  throw new Error("concurrent queries did not run on all connections");
}

async function obey(message: any) {
  if (message.do === "open") {
    ({ users, checks, positions } = message);
    prisma = new PrismaClient({ adapter: new PrismaPg({ ...message.server, max: CONNECTIONS }) });
    const [service] = await prisma.$queryRaw<{ id: number }[]>`SELECT id FROM services WHERE name = 'plex'`;
    plex = service.id;
    return null;
  }
  if (message.do === "report") return report();
  depth = String(message.depth);
  if (message.do === "run") return measure(message);
  const answers: unknown[] = [];
  for (let number = 0; number < message.calls; number++) {
    const answer = await operations[message.operation](number);
    answers.push(plain[message.operation] ? plain[message.operation](answer) : answer);
  }
  return answers;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await obey(JSON.parse(line))) + "\n");
}
await prisma.$disconnect();
