// From nothing to the first answer: the arguments are the server's folder, port, user and database.

import { PrismaPg } from "@prisma/adapter-pg";

import { PrismaClient } from "./generated/client.ts";

const [host, port, user, database] = process.argv.slice(2);
const prisma = new PrismaClient({ adapter: new PrismaPg({ host, port: Number(port), user, database }) });
const found = await prisma.user.findUnique({ where: { plexId: "plex-0" } });
process.stdout.write(found!.plexUsername);
await prisma.$disconnect();
