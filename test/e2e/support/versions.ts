/**
 * Versions of the demo's runtime that have gone bad. The image stays: what is changed is changed as the program starts, by a
 * command that the revision holds, so admission lets it run.
 */
function patched(patch: string): object {
  const program = `import sys\n${patch}\nfrom server.__main__ import main\nsys.exit(main())\n`;
  return { command: ["/usr/bin/python3.11", "-I", "-c", program] };
}

/** Each answer is a 200 with labels that there are none of. */
export const answersWrongly = patched(`
import server.web as web
right = web.infer_response
def wrong(*given):
    answer = right(*given)
    answer["outputs"][0]["data"] = [9 for _ in answer["outputs"][0]["data"]]
    return answer
web.infer_response = wrong
`);

/** Each answer is right, and takes its time. */
export const isSlow = (seconds: number): object =>
  patched(`
import time
import server.web as web
at_once = web.infer_response
def late(*given):
    time.sleep(${seconds})
    return at_once(*given)
web.infer_response = late
`);

/** Each answer is right, and leaves something behind. */
export const leaks = (bytes: number): object =>
  patched(`
import server.web as web
clean = web.infer_response
left = []
def leaking(*given):
    left.append(b"x" * ${bytes})
    return clean(*given)
web.infer_response = leaking
`);

/** Every second request fails, for whatever its body is. */
export const failsOften = patched(`
import itertools
import server.web as web
always = web.infer_response
turns = itertools.count()
def failing(*given):
    if next(turns) % 2:
        raise RuntimeError("a version that fails often")
    return always(*given)
web.infer_response = failing
`);
