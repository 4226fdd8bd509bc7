export function brokerFolder(env?: NodeJS.ProcessEnv): string
export function javaCommand(env?: NodeJS.ProcessEnv): string
export function ensureBrokerJars(doing: (text: string) => void): Promise<string>
export function brokerJars(): Promise<string>
