// Loaded before the program (--import): from here on the kernel refuses recvmmsg to this thread and those that it starts, as the seccomp profile of a
// container may.

import koffi from 'koffi'

const PR_SET_NO_NEW_PRIVS = 38
const PR_SET_SECCOMP = 22
const SECCOMP_MODE_FILTER = 2
/** <linux/bpf_common.h>: load a word of struct seccomp_data, whose first is the number of the call; jump if equal; return. */
const BPF_LD_W_ABS = 0x20
const BPF_JMP_JEQ_K = 0x15
const BPF_RET_K = 0x06
/** <linux/seccomp.h>; EPERM is 1. */
const SECCOMP_RET_ALLOW = 0x7fff0000
const SECCOMP_RET_EPERM = 0x00050001
/** Of recvmmsg. */
const CALLS: Readonly<Record<string, number | undefined>> = { x64: 299, arm64: 243 }

const call = CALLS[process.arch]
if (call === undefined) throw new Error(`recvmmsg has no number on ${process.arch}`)

/** struct sock_filter: code, where to go if it is so and if not, operand. */
const steps: readonly (readonly [code: number, yes: number, no: number, operand: number])[] = [
  [BPF_LD_W_ABS, 0, 0, 0],
  [BPF_JMP_JEQ_K, 0, 1, call],
  [BPF_RET_K, 0, 0, SECCOMP_RET_EPERM],
  [BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW],
]
const filter = Buffer.from(new ArrayBuffer(steps.length * 8))
for (const [i, [code, yes, no, operand]] of steps.entries()) {
  filter.writeUInt16LE(code, i * 8)
  filter.writeUInt8(yes, i * 8 + 2)
  filter.writeUInt8(no, i * 8 + 3)
  filter.writeUInt32LE(operand, i * 8 + 4)
}
/** struct sock_fprog. */
const program = Buffer.from(new ArrayBuffer(16))
program.writeUInt16LE(steps.length, 0)
program.writeBigUInt64LE(koffi.address(filter.buffer), 8)

const libc = koffi.load(null)
const prctl = libc.func('int prctl(int, uintptr_t, uintptr_t, uintptr_t, uintptr_t)')
for (const [option, first, second] of [
  [PR_SET_NO_NEW_PRIVS, 1, 0],
  [PR_SET_SECCOMP, SECCOMP_MODE_FILTER, koffi.address(program.buffer)],
] as const) {
  if (prctl(option, first, second, 0, 0) !== 0) throw new Error(`prctl ${option}: errno ${koffi.errno()}`)
}
