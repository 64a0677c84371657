package org.strictkeepalive.agent;

import java.lang.instrument.ClassFileTransformer;
import java.security.ProtectionDomain;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Lets {@code Server.doStart} begin with
 *
 * <pre>{@code
 * ((Consumer) System.getProperties().get(KEY)).accept(this);
 * }</pre>
 */
final class ServerTransformer implements ClassFileTransformer {
    static final String KEY = "org.strictkeepalive.agent";

    private static final String SERVER = "org/eclipse/jetty/server/Server";
    private static final String CONSUMER = "java/util/function/Consumer";

    @Override
    public byte[] transform(
            ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain, byte[] classFile) {
        if (!SERVER.equals(name)) {
            return null;
        }
        try {
            return transform(classFile);
        } catch (RuntimeException x) {
            // The JVM would drop it without a word.
            System.err.println("strict-keepalive agent: cannot change " + name + ", so it is not governed: " + x);
            return null;
        }
    }

    private static byte[] transform(byte[] classFile) {
        ClassReader reader = new ClassReader(classFile);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        reader.accept(new DoStart(writer), 0);
        return writer.toByteArray();
    }

    private static final class DoStart extends ClassVisitor {
        private DoStart(ClassVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String descriptor, String signature, String[] exceptions) {
            MethodVisitor method = super.visitMethod(access, name, descriptor, signature, exceptions);
            boolean isDoStart = name.equals("doStart") && descriptor.equals("()V");
            return isDoStart ? new Begin(method) : method;
        }
    }

    private static final class Begin extends MethodVisitor {
        private Begin(MethodVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public void visitCode() {
            super.visitCode();
            visitMethodInsn(
                    Opcodes.INVOKESTATIC, "java/lang/System", "getProperties", "()Ljava/util/Properties;", false);
            visitLdcInsn(KEY);
            visitMethodInsn(
                    Opcodes.INVOKEVIRTUAL,
                    "java/util/Properties",
                    "get",
                    "(Ljava/lang/Object;)Ljava/lang/Object;",
                    false);
            visitTypeInsn(Opcodes.CHECKCAST, CONSUMER);
            visitVarInsn(Opcodes.ALOAD, 0);
            visitMethodInsn(Opcodes.INVOKEINTERFACE, CONSUMER, "accept", "(Ljava/lang/Object;)V", true);
        }
    }
}
