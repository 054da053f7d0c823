// Writes a row into each table that both know, changes some, and prints what it reads.

import { connect } from "./client.mjs";

const prisma = connect(process.argv[2]);
const noon = new Date("2024-07-01T12:00:00.123Z");
const user = await prisma.user.create({
  data: {
    plexId: "77", plexUsername: "prisma", createdAt: noon,
    localCredential: { create: { username: "prisma", passwordHash: "x" } },
    requests: { create: { title: "Dune", mediaType: "movie", statusUpdates: { create: { status: "pending" } } } },
    downloads: { create: { playlistUrl: "https://y/1", filePaths: ["/a"] } },
    sessions: { create: { tokenHash: "0".repeat(64), expiresAt: noon } },
    rateLimits: { create: { endpoint: "a", windowStart: noon } },
    logs: { create: { action: "x" } },
    settings: { create: { key: "own", value: { a: 1 } } },
  },
});
await prisma.service.create({
  data: {
    name: "sonarr", displayName: "Sonarr",
    statusHistory: { create: { status: "up", checkedAt: noon } },
    maintenance: { create: { beginsAt: noon } },
  },
});
const request = await prisma.mediaRequest.findFirst({ where: { title: "Alien" } });
await prisma.mediaRequestFollower.create({ data: { requestId: request.id, userId: user.id } });
await prisma.user.update({ where: { plexId: "42" }, data: { lastLoginAt: noon } });
const tables = [
  "user", "localCredential", "mediaRequest", "mediaRequestStatusUpdate", "mediaRequestFollower", "youTubeDownload",
  "service", "serviceStatusHistory", "serviceMaintenance", "sessionToken", "rateLimit", "activityLog", "systemConfig",
];
const counts = {};
for (const table of tables) counts[table] = await prisma[table].count();
const [{ TimeZone: zone }] = await prisma.$queryRaw`SHOW TimeZone`;
const ours = await prisma.user.findUnique({ where: { plexId: "42" }, include: { requests: true } });
console.log(JSON.stringify({ counts, zone, ours, id: user.id }));
await prisma.$disconnect();
