import type { Command } from '../command-line.ts';
import { assetsCommand } from './assets.ts';
import { dashboardCommand } from './dashboard.ts';
import { diffCommand } from './diff.ts';
import { planCommand } from './plan.ts';
import { pointCommand } from './point.ts';
import { previewCommand } from './preview.ts';
import { renderCommand } from './render.ts';
import { rollbackCommand } from './rollback.ts';
import { seedCommand } from './seed.ts';
import { listCommand, statusCommand } from './status.ts';
import { cancelCommand, cleanCommand, pauseCommand, resumeCommand, retryCommand } from './steer.ts';
import { tileCommand } from './tile.ts';
import { touchCommand } from './touch.ts';
import { verifyCommand } from './verify.ts';
import { versionsCommand } from './versions.ts';
import { watchCommand } from './watch.ts';
import { workerCommand } from './worker.ts';

/**
 * Every subcommand, in the order of the help and of the README. These modules hold what is shown of a command; what it does
 * is imported when it runs, so that one does not wait for what another needs.
 */
export const COMMANDS: readonly Command[] = [
  renderCommand,
  planCommand,
  seedCommand,
  workerCommand,
  watchCommand,
  touchCommand,
  statusCommand,
  listCommand,
  pauseCommand,
  resumeCommand,
  retryCommand,
  cancelCommand,
  cleanCommand,
  tileCommand,
  pointCommand,
  assetsCommand,
  previewCommand,
  dashboardCommand,
  verifyCommand,
  diffCommand,
  versionsCommand,
  rollbackCommand,
];
