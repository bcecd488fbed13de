import { writeScenes } from './scenes.ts';

// One of the processes among which main.ts divides the dates: `scene-process.ts FOLDER DATE_INDEX…`.
const [folder = '', ...dateIndexes] = process.argv.slice(2);
const records = await writeScenes(dateIndexes.map(Number), folder);
process.send?.(records, () => process.disconnect());
