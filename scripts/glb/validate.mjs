// What Khronos's validator says about GLB files: `node validate.mjs FILE...` prints a JSON list, one report a file.
import { readFileSync } from "node:fs";
import validator from "gltf-validator";

const reports = [];
for (const path of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(path)), { uri: path, maxIssues: 1000 });
  reports.push(report.issues.messages);
}
process.stdout.write(JSON.stringify(reports));
