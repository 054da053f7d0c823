// A Prisma 7 client beside this package: it reads and writes all tables that both know.

import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";

// The session has to be in UTC. In another zone Prisma stores every instant hours off, and says nothing.
export function connect(connectionString) {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString, options: "-c timezone=UTC" }) });
}
