# syntax=docker/dockerfile:1.7

# One image for everything: a worker, a dashboard, a one-shot seed, and the other commands. It has no HEALTHCHECK, since
# most of them answer nobody: docker-compose.yml and kubernetes/ ask those that do. The same Node in both stages, because
# sharp's native part is installed in the first and loaded in the second.
ARG NODE_IMAGE=node:24.11.1-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY tsconfig.json tsconfig.build.json bundle.mjs ./
COPY src ./src
COPY jobs ./jobs
COPY workers ./workers
RUN npm run build && npm prune --omit=dev && chmod 0755 dist/jobs/cli.js

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="tilewright" \
      org.opencontainers.image.description="Turns a STAC catalog of cloud-optimised GeoTIFFs into finished map tiles" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN ln -s /app/dist/jobs/cli.js /usr/local/bin/tilewright
# The user `node` of the base image, by number: Kubernetes can only tell of a number that it is not root. Nothing below
# /app is written at run time, so the root file system can be read-only.
USER 1000:1000
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/dist/jobs/cli.js"]
CMD ["--help"]
